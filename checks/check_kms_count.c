/* check_kms_count: does the KMS host count enough machines for the classes that the site relies on?
 */
#include "count.h"
#include "frame.h"
#include "show.h"

static void text_of(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    kms_judge_count_text(&check->judgement, key, dst, size);
}

static enum kms_state overall(const struct kms_check *check)
{
    const struct kms_judgement *judgement = &check->judgement;
    enum kms_state state = KMS_STATE_OK;

    for (size_t i = 0; i < judgement->key_count; i++) {
        state = kms_state_worse(state, kms_count_state(check, i));
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        if (judgement->cls[c].present && judgement->cls[c].key < 0) {
            state = kms_state_worse(state, judgement->cls[c].state);
        }
    }
    if (judgement->reasons & KMS_BIT(KMS_REASON_CONFIG_DRIFT)) {
        state = kms_state_worse(state, KMS_STATE_WARNING);
    }
    return state;
}

static uint32_t reasons_of(const struct kms_check *check)
{
    uint32_t reasons = check->judgement.reasons & KMS_BIT(KMS_REASON_CONFIG_DRIFT);

    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        /* Ranges judge in the place of classes that nobody declared. */
        bool judged = cls->wanted || cls->key < 0 || !kms_check_ranged(check);
        if (cls->present && judged && cls->state != KMS_STATE_OK) {
            reasons |= cls->reasons;
        }
    }
    return reasons;
}

static enum kms_state show(struct kms_check *check)
{
    enum kms_state state = overall(check);
    bool stale = kms_show_stale(check);

    if (stale) {
        state = KMS_STATE_UNKNOWN;
    } else {
        kms_show_first(check, text_of, kms_count_state);
    }
    kms_count_perf(check);
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        enum kms_state of_key = stale ? KMS_STATE_UNKNOWN : kms_count_state(check, i);
        kms_show_key_node(check, 0, i, of_key);
        kms_show_count_nodes(check, 1, i, of_key);
    }
    kms_show_unserved_nodes(check, 0);
    kms_show_drift_node(check, 0, stale);
    kms_show_source(check, 0);
    if (state != KMS_STATE_OK) {
        kms_show_advice(check, stale ? KMS_BIT(KMS_REASON_STALE) : reasons_of(check));
        kms_count_range_advice(check);
    }
    return state;
}

static const struct kms_check_type type = {
    .name = "check_kms_count",
    .purpose = "Checks whether a KMS host counts enough machines for its clients to activate.",
    .parts = KMS_CHECK_COUNT,
    .metric = "the count; without them the classes' thresholds decide",
    .note = "A sensible pair for Windows clients is '-w 30: -c 25:'.",
    .show = show,
};

int main(int argc, char **argv)
{
    return kms_check_main(&type, argc, argv);
}
