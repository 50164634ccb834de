/* Values as the MIB's textual conventions want them: BITS, DateAndTime, TruthValue, bounded text
 * and ages. */
#include "agent/mib_table.h"

#include <string.h>

bool kms_mib_number(struct kms_mib_value *ret, int64_t number)
{
    ret->number = number;
    ret->len = 0;
    return true;
}

bool kms_mib_truth(struct kms_mib_value *ret, bool truth)
{
    return kms_mib_number(ret, truth ? 1 : 2);
}

bool kms_mib_text(struct kms_mib_value *ret, const char *text)
{
    if (text == NULL) {
        return false;
    }
    (void)kms_text_copy((char *)ret->octet, sizeof ret->octet, text);
    ret->len = strlen((const char *)ret->octet);
    return true;
}

/* RFC 1906 8: bit 0 is the most significant of the first octet, and every defined bit has its
 * octet. */
bool kms_mib_bits(struct kms_mib_value *ret, uint32_t bits, const struct kms_word_set *set)
{
    int highest = 0;
    for (size_t i = 0; i < set->count; i++) {
        highest = set->words[i].number > highest ? set->words[i].number : highest;
    }
    ret->len = (size_t)highest / 8 + 1;
    memset(ret->octet, 0, ret->len);
    for (unsigned bit = 0; bit <= (unsigned)highest && bit < 32; bit++) {
        if ((bits & KMS_BIT(bit)) != 0) {
            ret->octet[bit / 8] = (uint8_t)(ret->octet[bit / 8] | (0x80U >> (bit % 8)));
        }
    }
    return true;
}

/* RFC 2579 DateAndTime: eight octets are a time of a zone that nobody knows. */
bool kms_mib_local_time(struct kms_mib_value *ret, int64_t wall_s)
{
    struct kms_date date = kms_date_of(wall_s);
    if (date.year < 0 || date.year > 65535) {
        return false;
    }
    ret->octet[0] = (uint8_t)(date.year >> 8);
    ret->octet[1] = (uint8_t)(date.year & 0xff);
    ret->octet[2] = (uint8_t)date.month;
    ret->octet[3] = (uint8_t)date.day;
    ret->octet[4] = (uint8_t)date.hour;
    ret->octet[5] = (uint8_t)date.minute;
    ret->octet[6] = (uint8_t)date.second;
    ret->octet[7] = 0;
    ret->len = 8;
    return true;
}

bool kms_mib_time(struct kms_mib_value *ret, int64_t wall_s)
{
    if (wall_s == 0 || !kms_mib_local_time(ret, wall_s)) {
        return false;
    }
    ret->octet[8] = '+';
    ret->octet[9] = 0;
    ret->octet[10] = 0;
    ret->len = 11;
    return true;
}

bool kms_mib_age(struct kms_mib_value *ret, int64_t now_s, int64_t then_s)
{
    if (then_s == 0) {
        return false;
    }
    int64_t age_s = now_s - then_s;
    if (age_s < 0) { /* data from the future is fresh, whoever's clock is wrong */
        age_s = 0;
    }
    return kms_mib_number(ret, age_s < UINT32_MAX ? age_s : UINT32_MAX - 1);
}

bool kms_mib_fact(struct kms_mib_value *ret, const struct kms_facts *facts, int fact)
{
    const struct kms_fact_row *row = kms_fact_row((enum kms_fact_id)fact);
    if (row == NULL) {
        return false;
    }
    if (row->type == KMS_TYPE_TEXT) {
        return kms_mib_text(ret, kms_facts_text(facts, row->id));
    }
    int64_t number;
    if (!kms_facts_number(facts, row->id, &number)) {
        return false;
    }
    switch (row->type) {
    case KMS_TYPE_BOOL:
        return kms_mib_truth(ret, number != 0);
    case KMS_TYPE_TIME:
        return kms_mib_local_time(ret, number);
    case KMS_TYPE_UINT:
    case KMS_TYPE_INT:
    case KMS_TYPE_WORD:
    case KMS_TYPE_HRESULT:
    case KMS_TYPE_TEXT:
        break;
    }
    return kms_mib_number(ret, number);
}

bool kms_mib_word(struct kms_mib_value *ret, const struct kms_facts *facts, int fact)
{
    if (kms_mib_fact(ret, facts, fact)) {
        return true;
    }
    const struct kms_fact_row *row = kms_fact_row((enum kms_fact_id)fact);
    if (row == NULL) {
        return false;
    }
    size_t count;
    const struct kms_word_set *set = kms_word_sets(&count);
    for (size_t i = 0; i < count; i++) {
        int number;
        if (kms_text_equal(set[i].name, row->unit) &&
            kms_word_number(&set[i], "unknown", &number)) {
            return kms_mib_number(ret, number);
        }
    }
    return false;
}

bool kms_mib_oid(struct kms_mib_value *ret, const oid *name, size_t len)
{
    _Static_assert(KMS_MIB_NAME_MAX * sizeof(oid) <= sizeof ret->octet, "names do not fit");
    if (len > KMS_MIB_NAME_MAX) {
        return false;
    }
    ret->len = len * sizeof *name;
    memcpy(ret->octet, name, ret->len);
    return true;
}
