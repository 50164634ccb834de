/* Judges and shows counts for check_kms_count and check_kms. */
#include "count.h"

#include "base/text.h"
#include "limits.h"
#include "show.h"

static bool serves(const struct kms_class_judgement *cls, size_t key)
{
    return cls->present && cls->key == (int)key;
}

/* Declared classes are judged by their thresholds whatever the ranges say. */
static enum kms_state declared_state(const struct kms_check *check, size_t key)
{
    enum kms_state state = KMS_STATE_OK;

    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        if (cls->wanted && serves(cls, key)) {
            state = kms_state_worse(state, cls->state);
        }
    }
    return state;
}

enum kms_state kms_count_state(const struct kms_check *check, size_t key)
{
    const struct kms_key_judgement *of = &check->judgement.key[key];
    enum kms_state state;
    int64_t count;

    if (!kms_check_ranged(check)) {
        return kms_show_classes_state(check, key);
    }
    if (of->superseded) {
        return KMS_STATE_OK;
    }
    if (of->stale || !kms_facts_number(&of->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        return KMS_STATE_UNKNOWN;
    }
    state = kms_check_range_state(check, (double)count);
    return kms_state_worse(state, declared_state(check, key));
}

static const struct kms_range *alerting(const struct kms_check *check, double value)
{
    if (kms_range_alerts(&check->critical, value)) {
        return &check->critical;
    }
    return kms_range_alerts(&check->warning, value) ? &check->warning : NULL;
}

static const char *range_advice(const struct kms_range *range, double value)
{
    if (range->inside) {
        return "next step: compare the count with the ranges of -w and -c, which alert inside (@)";
    }
    return value < range->start
               ? "next step: let more machines ask this host (slmgr /ato there), or lower -w and -c"
               : "next step: find out which machines ask this host now (Key Management Service "
                 "log, event 12290), or raise -w and -c";
}

void kms_count_range_advice(struct kms_check *check)
{
    const char *said = "";

    for (size_t i = 0; i < check->judgement.key_count; i++) {
        const struct kms_key_judgement *of = &check->judgement.key[i];
        const struct kms_range *range;
        const char *text;
        int64_t count;
        if (of->superseded || of->stale ||
            !kms_facts_number(&of->facts, KMS_FACT_CURRENT_COUNT, &count)) {
            continue;
        }
        range = alerting(check, (double)count);
        text = range != NULL ? range_advice(range, (double)count) : said;
        if (!kms_text_equal(text, said)) {
            kms_output_line(&check->out, 0, "%s", text);
            said = text;
        }
    }
}

static void add_count(struct kms_check *check, size_t key)
{
    const struct kms_facts *facts = &check->judgement.key[key].facts;
    struct kms_perf perf;
    char label[64];
    int64_t ceiling;

    kms_show_label(check, "count", key, label, sizeof(label));
    perf = kms_show_fact_perf(check, label, key, KMS_FACT_CURRENT_COUNT);
    if (kms_check_ranged(check)) {
        perf.warning = check->warning;
        perf.critical = check->critical;
    } else if (perf.known) {
        kms_count_limits(&check->judgement, check->target.classes != 0, key, (int64_t)perf.value,
                         &perf);
    }
    if (kms_facts_number(facts, KMS_FACT_COUNT_CEILING, &ceiling)) {
        perf.max_known = true;
        perf.max = (double)ceiling;
    }
    kms_output_perf(&check->out, &perf);
}

static void add_headroom(struct kms_check *check, const struct kms_class_judgement *cls)
{
    static const char *const labels[KMS_CLASS_MAX + 1] = {
        [KMS_CLASS_CLIENT] = "headroom_client",
        [KMS_CLASS_SERVER] = "headroom_server",
        [KMS_CLASS_OFFICE2010] = "headroom_office2010",
        [KMS_CLASS_OFFICE] = "headroom_office",
    };
    struct kms_perf perf = {.label = labels[cls->client_class]};

    perf.known = cls->headroom_known;
    perf.value = cls->headroom;
    if (cls->wanted) {
        perf.critical = kms_range_at_least(0);
        perf.warning = kms_range_at_least(1);
    } else if (check->target.classes == 0 && !kms_check_ranged(check) &&
               cls->verdict != KMS_VERDICT_UNUSED) {
        perf.warning = kms_range_at_least(1);
    }
    kms_output_perf(&check->out, &perf);
}

void kms_count_perf(struct kms_check *check)
{
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        add_count(check, i);
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        if (check->judgement.cls[c].present) {
            add_headroom(check, &check->judgement.cls[c]);
        }
    }
}
