/* The rows of outcome.def and their lookup. */
#include "vocab/vocab.h"

#include "base/text.h"

static const struct kms_outcome_row rows[] = {
#define KMS_OUTCOME(number, symbol, token, kind, meaning, hint) \
    {KMS_OUTCOME_##symbol, token, kind, meaning, hint},
#include "vocab/outcome.def"
#undef KMS_OUTCOME
};

const struct kms_outcome_row *kms_outcome_rows(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(rows);
    return rows;
}

const struct kms_outcome_row *kms_outcome_row(enum kms_outcome outcome)
{
    const struct kms_outcome_row *internal = NULL;
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        if (rows[i].number == outcome) {
            return &rows[i];
        }
        if (rows[i].number == KMS_OUTCOME_INTERNAL) {
            internal = &rows[i];
        }
    }
    return internal;
}

bool kms_outcome_good(enum kms_outcome outcome)
{
    return kms_outcome_row(outcome)->kind == KMS_OUTCOME_IS_GOOD;
}
