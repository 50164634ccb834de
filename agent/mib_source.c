/* kmsmonSourceTable: one row per host and source that it is asked through. */
#include "agent/mib_table.h"

enum told {
    NAME,
    OUTCOME,
    OUTCOME_TEXT,
    LAST_ATTEMPT,
    LAST_SUCCESS,
    AGE,
    DURATION,
    ATTEMPTS,
    FAILURES,
    STALE
};

/* The outcome's word, and the probe's own words after it where it has some. */
static bool outcome_text(const struct kms_result *last, struct kms_mib_value *ret)
{
    const struct kms_outcome_row *row = kms_outcome_row(last == NULL ? KMS_OUTCOME_NONE
                                                                     : last->outcome);
    char text[KMS_MIB_TEXT_MAX + 1];
    (void)kms_text_format(text, sizeof text, "%s: %s", row->token,
                          last != NULL && last->detail[0] != '\0' ? last->detail : row->meaning);
    return kms_mib_text(ret, text);
}

static bool get_told(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_snapshot *snapshot = view->snapshot;
    oid source = view->index[1];
    const struct kms_tally *tally = &snapshot->tally[source];
    const struct kms_result *last = snapshot->last[source];
    const struct kms_result *good = snapshot->good[source];
    switch ((enum told)what) {
    case NAME:
        return kms_mib_text(ret, kms_word_label(kms_words_source(), (int)source));
    case OUTCOME:
        return kms_mib_number(ret, last == NULL ? KMS_OUTCOME_NONE : last->outcome);
    case OUTCOME_TEXT:
        return outcome_text(last, ret);
    case LAST_ATTEMPT:
        return kms_mib_time(ret, tally->last_attempt_s);
    case LAST_SUCCESS:
        return kms_mib_time(ret, tally->last_success_s);
    case AGE:
        return good != NULL && kms_mib_age(ret, view->now_s, good->data_s);
    case DURATION:
        return last != NULL && kms_mib_number(ret, last->duration_us / 1000);
    case ATTEMPTS:
        return kms_mib_number(ret, tally->attempts);
    case FAILURES:
        return kms_mib_number(ret, tally->failures);
    case STALE:
        return kms_mib_truth(ret, snapshot->judgement.source[source].stale);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, NAME, get_told},         {3, ASN_INTEGER, OUTCOME, get_told},
    {4, ASN_OCTET_STR, OUTCOME_TEXT, get_told}, {5, ASN_OCTET_STR, LAST_ATTEMPT, get_told},
    {6, ASN_OCTET_STR, LAST_SUCCESS, get_told}, {7, ASN_GAUGE, AGE, get_told},
    {8, ASN_GAUGE, DURATION, get_told},         {9, ASN_COUNTER, ATTEMPTS, get_told},
    {10, ASN_COUNTER, FAILURES, get_told},      {11, ASN_INTEGER, STALE, get_told},
};

static void lay_out(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows)
{
    for (uint32_t source = 1; source <= KMS_SOURCE_MAX; source++) {
        if (snapshot->target->source[source].enabled) {
            kms_mib_rows_add(rows, slot, 0, snapshot->index, source);
        }
    }
}

const struct kms_mib_table kms_mib_source_table = {.number = 10,
                                                   .index_len = 2,
                                                   .column = columns,
                                                   .column_count = KMS_COUNT_OF(columns),
                                                   .lay_out = lay_out};
