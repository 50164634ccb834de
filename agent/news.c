/* One line for what changed at a host, with what was before and the next step. */
#include "agent/news.h"

#include "base/text.h"
#include "net/address.h"

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

static const char *asked_at(const struct kms_snapshot *snapshot)
{
    bool asked = snapshot->target->source[KMS_SOURCE_ACTIVATION].enabled;
    return asked ? kms_facts_text(&snapshot->judgement.host, KMS_FACT_RPC_ADDRESS) : NULL;
}

/* One address however it is written has one memory. */
static bool is_same_memory(const struct kms_target *a, const struct kms_target *b)
{
    struct kms_address number;
    const char *x = kms_target_address(a);
    const char *y = kms_target_address(b);
    return kms_text_equal_nocase(x, y) ||
           (kms_address_parse(x, 0, &number) && kms_address_parse(y, 0, &number));
}

bool kms_news_same_host(const struct kms_log *log, const struct kms_board *board, size_t slot,
                        size_t *ret_other)
{
    const struct kms_snapshot *of = kms_board_snapshot(board, slot);
    const char *address = asked_at(of);
    for (size_t i = 0; address && i < kms_board_count(board); i++) {
        const struct kms_snapshot *other = kms_board_snapshot(board, i);
        if (i == slot || !kms_text_equal(address, asked_at(other)) ||
            is_same_memory(of->target, other->target)) {
            continue;
        }
        const struct kms_snapshot *first = i < slot ? other : of;
        const struct kms_snapshot *second = i < slot ? of : other;
        kms_log_write(
            log, KMS_LOG_WARNING,
            "activation %s: it answers from %s, as %s does: one KMS host is asked twice in "
            "an interval; give both the same address in kmsmon.conf, or remove one",
            second->target->name, address, first->target->name);
        *ret_other = i;
        return true;
    }
    return false;
}
