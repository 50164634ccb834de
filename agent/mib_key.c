/* kmsmonKeyTable: one row per installed KMS host key. */
#include "agent/mib_table.h"

enum judged {
    APPLICATION,
    DISCONTINUITY,
    FAILED_RATE,
    FAILED_RATIO,
    TOTAL_RATE,
    SOURCE,
    DATA_AGE,
    STATUS,
    REASONS
};

static bool get_name(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    char name[KMS_MIB_TEXT_MAX + 1];
    kms_judge_key_name(view->key, name, sizeof name);
    return kms_mib_text(ret, name);
}

static bool get_fact(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    return kms_mib_fact(ret, &view->key->facts, what);
}

static bool get_word(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    return kms_mib_word(ret, &view->key->facts, what);
}

static bool get_judged(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_key_judgement *key = view->key;
    switch ((enum judged)what) {
    case APPLICATION:
        return kms_mib_number(ret, key->application);
    case DISCONTINUITY:
        return kms_mib_time(ret, key->discontinuity_s);
    case FAILED_RATE:
        return key->window.rate_known && kms_mib_number(ret, key->window.failed_per_hour);
    case TOTAL_RATE:
        return key->window.rate_known && kms_mib_number(ret, key->window.total_per_hour);
    case FAILED_RATIO:
        return key->window.known && kms_mib_number(ret, key->window.failed_permille);
    case SOURCE:
        return kms_mib_number(ret, key->source);
    case DATA_AGE:
        return kms_mib_age(ret, view->now_s, key->data_s);
    case STATUS:
        return kms_mib_number(ret, key->state);
    case REASONS:
        return kms_mib_bits(ret, key->reasons, kms_words_reason());
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, 0, get_name},
    {3, ASN_OCTET_STR, KMS_FACT_KEY_DESCRIPTION, get_fact},
    {4, ASN_INTEGER, APPLICATION, get_judged},
    {5, ASN_OCTET_STR, KMS_FACT_ACTIVATION_ID, get_fact},
    {6, ASN_OCTET_STR, KMS_FACT_KEY_CHANNEL, get_fact},
    {7, ASN_OCTET_STR, KMS_FACT_KEY_GROUP, get_fact},
    {8, ASN_OCTET_STR, KMS_FACT_PARTIAL_KEY, get_fact},
    {9, ASN_OCTET_STR, KMS_FACT_EPID, get_fact},
    {10, ASN_INTEGER, KMS_FACT_LICENSE_STATUS, get_word},
    {11, ASN_UNSIGNED, KMS_FACT_LICENSE_REASON, get_fact},
    {12, ASN_GAUGE, KMS_FACT_LICENSE_EXPIRES, get_fact},
    {13, ASN_GAUGE, KMS_FACT_REARM_COUNT, get_fact},
    {14, ASN_GAUGE, KMS_FACT_CURRENT_COUNT, get_fact},
    {15, ASN_INTEGER, KMS_FACT_OWN_ENTRY, get_fact},
    {16, ASN_GAUGE, KMS_FACT_COUNT_CEILING, get_fact},
    {17, ASN_UNSIGNED, KMS_FACT_ACTIVATION_INTERVAL, get_fact},
    {18, ASN_UNSIGNED, KMS_FACT_RENEWAL_INTERVAL, get_fact},
    {19, ASN_COUNTER, KMS_FACT_TOTAL_REQUESTS, get_fact},
    {20, ASN_COUNTER, KMS_FACT_FAILED_REQUESTS, get_fact},
    {21, ASN_COUNTER, KMS_FACT_REQUESTS_UNLICENSED, get_fact},
    {22, ASN_COUNTER, KMS_FACT_REQUESTS_LICENSED, get_fact},
    {23, ASN_COUNTER, KMS_FACT_REQUESTS_OOB_GRACE, get_fact},
    {24, ASN_COUNTER, KMS_FACT_REQUESTS_OOT_GRACE, get_fact},
    {25, ASN_COUNTER, KMS_FACT_REQUESTS_NON_GENUINE_GRACE, get_fact},
    {26, ASN_COUNTER, KMS_FACT_REQUESTS_NOTIFICATION, get_fact},
    {27, ASN_OCTET_STR, DISCONTINUITY, get_judged},
    {28, ASN_GAUGE, FAILED_RATE, get_judged},
    {29, ASN_GAUGE, FAILED_RATIO, get_judged},
    {30, ASN_INTEGER, SOURCE, get_judged},
    {31, ASN_GAUGE, DATA_AGE, get_judged},
    {32, ASN_INTEGER, STATUS, get_judged},
    {33, ASN_OCTET_STR, REASONS, get_judged},
    {34, ASN_GAUGE, TOTAL_RATE, get_judged},
};

static void lay_out(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows)
{
    for (size_t i = 0; i < snapshot->judgement.key_count; i++) {
        uint32_t index = snapshot->judgement.key[i].index;
        if (index != 0) {
            kms_mib_rows_add(rows, slot, 0, snapshot->index, index);
        }
    }
}

/* By its stable number: sources may name the keys in another order at the next poll. */
static bool find(struct kms_mib_view *view)
{
    const struct kms_judgement *judgement = &view->snapshot->judgement;
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (judgement->key[i].index == view->index[1]) {
            view->key = &judgement->key[i];
            return true;
        }
    }
    return false;
}

const struct kms_mib_table kms_mib_key_table = {.number = 3,
                                                .index_len = 2,
                                                .column = columns,
                                                .column_count = KMS_COUNT_OF(columns),
                                                .lay_out = lay_out,
                                                .find = find};
