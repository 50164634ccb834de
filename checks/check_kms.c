/* check_kms: everything that a KMS host or its report tells, as one tree with its worst state. */
#include "base/text.h"
#include "count.h"
#include "frame.h"
#include "license.h"
#include "reader.h"
#include "requests.h"
#include "show.h"

static void text_of(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    const struct kms_key_judgement *of = &check->judgement.key[key];
    char text[160];

    kms_judge_count_text(&check->judgement, key, dst, size);
    /* Of several keys that is said only where it matters: the line is short. */
    if (check->judgement.key_count == 1 || of->key_state != KMS_STATE_OK) {
        kms_license_short_text(check, key, text, sizeof(text));
        kms_text_append(dst, size, "; %s", text);
    }
    kms_requests_short_text(check, key, text, sizeof(text));
    if (text[0] != '\0') {
        kms_text_append(dst, size, "; %s", text);
    }
}

/* A report without counters (/dli of some versions) says nothing about requests: no reason to be
 * UNKNOWN here. */
static bool has_counters(const struct kms_check *check, size_t key)
{
    return kms_facts_has(&check->judgement.key[key].facts, KMS_FACT_TOTAL_REQUESTS);
}

static enum kms_state count_state(const struct kms_check *check, size_t key)
{
    /* The thresholds of the classes stay in force; ranges only add to them. */
    enum kms_state state = kms_show_classes_state(check, key);

    return kms_check_ranged(check) ? kms_state_worse(state, kms_count_state(check, key)) : state;
}

static enum kms_state key_state(const struct kms_check *check, size_t key)
{
    enum kms_state state = kms_state_worse(count_state(check, key), kms_license_state(check, key));

    return has_counters(check, key) ? kms_state_worse(state, kms_requests_state(check, key))
                                    : state;
}

static void show_key(struct kms_check *check, unsigned depth, size_t key, bool stale)
{
    enum kms_state unknown = KMS_STATE_UNKNOWN;

    kms_show_key_node(check, depth, key, stale ? unknown : key_state(check, key));
    kms_show_count_nodes(check, depth + 1, key, stale ? unknown : count_state(check, key));
    if (has_counters(check, key)) {
        kms_requests_node(check, depth + 1, key, stale ? unknown : kms_requests_state(check, key));
        kms_requests_details(check, depth + 2, key);
    }
    kms_show_license_node(check, depth + 1, key, stale ? unknown : kms_license_state(check, key));
}

static enum kms_state show(struct kms_check *check)
{
    struct kms_judgement *judgement = &check->judgement;
    enum kms_state state = judgement->state;
    bool stale = kms_show_stale(check);

    if (!stale) {
        kms_show_first(check, text_of, key_state);
    }
    kms_count_perf(check);
    kms_requests_perf(check, false);
    kms_license_perf(check);
    for (size_t i = 0; i < judgement->key_count; i++) {
        state = stale ? KMS_STATE_UNKNOWN : kms_state_worse(state, key_state(check, i));
    }
    kms_output_node(&check->out, 0, state, "KMS host %s", check->target.name);
    for (size_t i = 0; i < judgement->key_count; i++) {
        show_key(check, 1, i, stale);
    }
    kms_show_unserved_nodes(check, 1);
    kms_show_drift_node(check, 1, stale);
    kms_show_source(check, 0);
    if (stale) {
        kms_show_advice(check, KMS_BIT(KMS_REASON_STALE));
        return state;
    }
    if (state != KMS_STATE_OK) {
        kms_show_advice(check, judgement->reasons & ~KMS_BIT(KMS_REASON_FAILED_REQUESTS));
    }
    kms_count_range_advice(check);
    kms_requests_advice(check);
    return state;
}

static const struct kms_check_type type = {
    .name = "check_kms",
    .purpose = "Checks all that a KMS host tells: counts, requests, activation.",
    .parts = KMS_CHECK_ALL,
    .metric = "the count, in addition to the classes' thresholds",
    .note = "The worst state of the tree counts: critical, warning, unknown, ok.",
    .show = show,
};

int main(int argc, char **argv)
{
    return kms_check_main(&type, argc, argv);
}
