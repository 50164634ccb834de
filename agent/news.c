/* One line for what changed at a host, with what was before and the next step. */
#include "agent/news.h"

#include "base/text.h"

void kms_news_outcome(const struct kms_log *log, const char *source,
                      const struct kms_snapshot *snapshot, const struct kms_result *result,
                      const struct kms_change *change)
{
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    bool changed = change->was_outcome != change->is_outcome;
    bool good = kms_outcome_good(result->outcome);
    enum kms_log_level level = !changed ? KMS_LOG_DEBUG : good ? KMS_LOG_INFO : KMS_LOG_WARNING;
    char before[64] = "";
    if (changed && change->was_outcome != KMS_OUTCOME_NONE) {
        kms_text_format(before, sizeof before, " (was %s)",
                        kms_outcome_row(change->was_outcome)->token);
    } else if (!changed && !good) {
        kms_text_format(before, sizeof before, " (%u times)", change->consecutive_failures);
    }
    const char *hint = good ? "" : row->hint;
    kms_log_write(log, level, "%s %s: %s%s%s%s%s%s", source, snapshot->target->name, row->token,
                  before, result->detail[0] ? ": " : "", result->detail, hint[0] ? "; " : "", hint);
}

static bool is_first(const struct kms_snapshot *snapshot)
{
    uint32_t attempts = 0;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        attempts += snapshot->tally[i].attempts;
    }
    return attempts == 1;
}

void kms_news_state(const struct kms_log *log, const struct kms_snapshot *snapshot,
                    const struct kms_change *change)
{
    bool is_early = change->is_state == KMS_STATE_UNKNOWN &&
                    (snapshot->judgement.reasons & KMS_BIT(KMS_REASON_NO_DATA)) != 0;
    if (change->was_state == change->is_state && (is_early || !is_first(snapshot))) {
        return;
    }
    char before[32] = "";
    if (change->was_state != change->is_state) {
        kms_text_format(before, sizeof before, " (was %s)",
                        kms_word_label(kms_words_state(), (int)change->was_state));
    }
    bool good = change->is_state == KMS_STATE_OK;
    kms_log_write(log, good ? KMS_LOG_INFO : KMS_LOG_WARNING, "state %s: %s%s: %s",
                  snapshot->target->name, kms_word_label(kms_words_state(), (int)change->is_state),
                  before, snapshot->judgement.summary);
}
