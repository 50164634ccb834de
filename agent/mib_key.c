/* kmsmonKeyTable: one row per installed KMS host key. */
#include "agent/mib_table.h"

enum judged {
    APPLICATION,
    DISCONTINUITY,
    FAILED_RATE,
    FAILED_RATIO,
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
        return key->window.known && kms_mib_number(ret, key->window.failed_per_hour);
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
    {2, ASN_OCTET_STR, get_name, 0},
    {3, ASN_OCTET_STR, get_fact, KMS_FACT_KEY_DESCRIPTION},
    {4, ASN_INTEGER, get_judged, APPLICATION},
    {5, ASN_OCTET_STR, get_fact, KMS_FACT_ACTIVATION_ID},
    {6, ASN_OCTET_STR, get_fact, KMS_FACT_KEY_CHANNEL},
    {7, ASN_OCTET_STR, get_fact, KMS_FACT_KEY_GROUP},
    {8, ASN_OCTET_STR, get_fact, KMS_FACT_PARTIAL_KEY},
    {9, ASN_OCTET_STR, get_fact, KMS_FACT_EPID},
    {10, ASN_INTEGER, get_word, KMS_FACT_LICENSE_STATUS},
    {11, ASN_UNSIGNED, get_fact, KMS_FACT_LICENSE_REASON},
    {12, ASN_GAUGE, get_fact, KMS_FACT_LICENSE_EXPIRES},
    {13, ASN_GAUGE, get_fact, KMS_FACT_REARM_COUNT},
    {14, ASN_GAUGE, get_fact, KMS_FACT_CURRENT_COUNT},
    {15, ASN_INTEGER, get_fact, KMS_FACT_OWN_ENTRY},
    {16, ASN_GAUGE, get_fact, KMS_FACT_COUNT_CEILING},
    {17, ASN_UNSIGNED, get_fact, KMS_FACT_ACTIVATION_INTERVAL},
    {18, ASN_UNSIGNED, get_fact, KMS_FACT_RENEWAL_INTERVAL},
    {19, ASN_COUNTER, get_fact, KMS_FACT_TOTAL_REQUESTS},
    {20, ASN_COUNTER, get_fact, KMS_FACT_FAILED_REQUESTS},
    {21, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_UNLICENSED},
    {22, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_LICENSED},
    {23, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_OOB_GRACE},
    {24, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_OOT_GRACE},
    {25, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_NON_GENUINE_GRACE},
    {26, ASN_COUNTER, get_fact, KMS_FACT_REQUESTS_NOTIFICATION},
    {27, ASN_OCTET_STR, get_judged, DISCONTINUITY},
    {28, ASN_GAUGE, get_judged, FAILED_RATE},
    {29, ASN_GAUGE, get_judged, FAILED_RATIO},
    {30, ASN_INTEGER, get_judged, SOURCE},
    {31, ASN_GAUGE, get_judged, DATA_AGE},
    {32, ASN_INTEGER, get_judged, STATUS},
    {33, ASN_OCTET_STR, get_judged, REASONS},
};

static void lay_out(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows)
{
    for (size_t i = 0; i < snapshot->judgement.key_count; i++) {
        uint32_t index = snapshot->judgement.key[i].index;
        if (index != 0) {
            kms_mib_rows_add(rows, slot, snapshot->index, index);
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
