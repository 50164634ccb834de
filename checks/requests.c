/* Judges and shows request counters for check_kms_requests and check_kms. */
#include "requests.h"

#include "base/text.h"
#include "show.h"

static const struct kms_key_judgement *key_of(const struct kms_check *check, size_t key)
{
    return &check->judgement.key[key];
}

/* check_kms gives -w and -c another meaning. */
static bool ranged(const struct kms_check *check)
{
    return check->type->parts == KMS_CHECK_REQUESTS && kms_check_ranged(check);
}

struct counters {
    int64_t total, failed;
};

/* Where no run will ever find what an earlier one saw, waiting for a window would mean OK for ever:
 * then the counters since the host's installation are judged. */
static bool judged_ever(const struct kms_check *check, size_t key, struct counters *ret)
{
    const struct kms_key_judgement *of = key_of(check, key);
    struct counters counters;

    if (check->windows == NULL || of->window.known || of->superseded ||
        (check->windows_kept && kms_windows_find(check->windows, of->identity) != NULL) ||
        !kms_facts_number(&of->facts, KMS_FACT_TOTAL_REQUESTS, &counters.total) ||
        !kms_facts_number(&of->facts, KMS_FACT_FAILED_REQUESTS, &counters.failed)) {
        return false;
    }
    *ret = counters;
    return true;
}

/* Number and ratio together, as in a window. */
static enum kms_state ever_state(const struct kms_check *check, const struct counters *counters)
{
    const struct kms_policy *policy = &check->options.policy;
    double failed = (double)counters->failed;
    double ratio = counters->total > 0 ? failed * 1000 / (double)counters->total : 0;

    if (ranged(check)) {
        return kms_check_range_state(check, failed);
    }
    if (counters->failed > policy->failed_critical &&
        ratio > (double)policy->failed_ratio_critical) {
        return KMS_STATE_CRITICAL;
    }
    return counters->failed > policy->failed_warning && ratio > (double)policy->failed_ratio_warning
               ? KMS_STATE_WARNING
               : KMS_STATE_OK;
}

enum kms_state kms_requests_state(const struct kms_check *check, size_t key)
{
    const struct kms_key_judgement *of = key_of(check, key);
    struct counters ever;

    if (of->requests_state != KMS_STATE_UNKNOWN && judged_ever(check, key, &ever)) {
        return ever_state(check, &ever);
    }
    if (!ranged(check) || of->requests_state == KMS_STATE_UNKNOWN || !of->window.known) {
        return of->requests_state == KMS_STATE_UNKNOWN || !ranged(check) ? of->requests_state
                                                                         : KMS_STATE_OK;
    }
    return kms_check_range_state(check, of->window.failed);
}

void kms_requests_text(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    struct counters ever;

    kms_judge_requests_text(key_of(check, key), dst, size);
    if (judged_ever(check, key, &ever)) {
        kms_text_append(dst, size, " ever; no window kept");
    }
}

static bool alarming(const struct kms_check *check, size_t key)
{
    enum kms_state state = kms_requests_state(check, key);

    return state == KMS_STATE_WARNING || state == KMS_STATE_CRITICAL;
}

void kms_requests_short_text(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    struct counters ever;

    dst[0] = '\0';
    if (judged_ever(check, key, &ever)) {
        kms_text_format(dst, size, "%lld request%s failed ever, no window kept",
                        (long long)ever.failed, kms_text_plural((uint64_t)ever.failed));
    } else if (alarming(check, key)) {
        unsigned failed = (unsigned)key_of(check, key)->window.failed;
        kms_text_format(dst, size, "%u request%s failed", failed, kms_text_plural(failed));
    }
}

void kms_requests_node(struct kms_check *check, unsigned depth, size_t key, enum kms_state state)
{
    char text[200];

    kms_requests_text(check, key, text, sizeof(text));
    kms_output_node(&check->out, depth, state, "%s", text);
}

void kms_requests_advice(struct kms_check *check)
{
    bool failed = false;

    for (size_t i = 0; i < check->judgement.key_count; i++) {
        failed = failed || alarming(check, i);
    }
    if (failed) {
        kms_show_advice(check, KMS_BIT(KMS_REASON_FAILED_REQUESTS));
    }
    if (check->windows != NULL && !check->windows_kept) {
        kms_output_line(&check->out, 0,
                        "next step: create the folder %s and give it to the monitoring user, or "
                        "name another with --state-dir",
                        check->options.state_dir);
    }
}

static void add_limits(const struct kms_check *check, struct kms_perf *perf)
{
    if (ranged(check)) {
        perf->warning = check->warning;
        perf->critical = check->critical;
    } else {
        perf->warning = kms_range_at_most((double)check->options.policy.failed_warning);
        perf->critical = kms_range_at_most((double)check->options.policy.failed_critical);
    }
}

static void add_counter(struct kms_check *check, const char *stem, size_t key, enum kms_fact_id id)
{
    struct kms_perf perf;
    struct counters ever;
    char label[64];

    kms_show_label(check, stem, key, label, sizeof(label));
    perf = kms_show_fact_perf(check, label, key, id);
    perf.unit = "c";
    if (id == KMS_FACT_FAILED_REQUESTS && judged_ever(check, key, &ever)) {
        add_limits(check, &perf);
    }
    kms_output_perf(&check->out, &perf);
}

static void add_gauge(struct kms_check *check, const char *stem, size_t key, double value,
                      const char *unit, bool judged, bool known)
{
    const struct kms_key_judgement *of = key_of(check, key);
    char label[64];
    struct kms_perf perf = {.label = label, .value = value, .unit = unit, .min_known = true};

    kms_show_label(check, stem, key, label, sizeof(label));
    perf.known = known && !of->stale;
    if (judged) {
        add_limits(check, &perf);
    }
    kms_output_perf(&check->out, &perf);
}

void kms_requests_perf(struct kms_check *check, bool all)
{
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        const struct kms_window_view *view = &key_of(check, i)->window;
        add_counter(check, "requests", i, KMS_FACT_TOTAL_REQUESTS);
        add_counter(check, "failed", i, KMS_FACT_FAILED_REQUESTS);
        add_gauge(check, "new_failed", i, view->failed, "", true, view->known);
        if (!all) {
            continue;
        }
        add_gauge(check, "new", i, view->total, "", false, view->known);
        add_gauge(check, "failed_rate", i, view->failed_per_hour, "", false, view->rate_known);
        add_gauge(check, "failed_pct", i, view->failed_permille / 10.0, "%", false, view->known);
    }
}

static void show_window(struct kms_check *check, unsigned depth, size_t key)
{
    const struct kms_key_judgement *of = key_of(check, key);
    const char *note = check->windows != NULL ? kms_windows_note(check->windows) : "";
    struct counters ever;
    char window[32], since[32];

    kms_text_duration(window, sizeof(window), check->options.policy.requests_window_ms);
    if (note[0] != '\0') {
        kms_output_line(&check->out, depth, "window of %s: %s", window, note);
    } else if (judged_ever(check, key, &ever)) {
        kms_output_line(&check->out, depth, "window of %s: these counters cannot be kept", window);
    } else if (!of->window.known) {
        kms_output_line(&check->out, depth, "window of %s: starts with this report", window);
    }
    if (judged_ever(check, key, &ever)) {
        kms_output_line(&check->out, depth,
                        "the counters since the host's installation are judged instead");
    }
    if (of->window.rate_known) {
        kms_output_line(&check->out, depth, "window of %s: %u failed an hour, %u.%u %% of requests",
                        window, (unsigned)of->window.failed_per_hour,
                        (unsigned)(of->window.failed_permille / 10),
                        (unsigned)(of->window.failed_permille % 10));
    }
    if (of->discontinuity_s != 0) {
        kms_date_text(since, sizeof(since), of->discontinuity_s);
        kms_output_line(&check->out, depth, "the counters started again; seen with data of %s",
                        since);
    }
}

void kms_requests_details(struct kms_check *check, unsigned depth, size_t key)
{
    const struct kms_key_judgement *of = key_of(check, key);

    if (!kms_facts_has(&of->facts, KMS_FACT_TOTAL_REQUESTS)) {
        return;
    }
    show_window(check, depth, key);
    if (check->options.verbose < 1) {
        return;
    }
    for (enum kms_fact_id id = KMS_FACT_REQUESTS_UNLICENSED; id <= KMS_FACT_REQUESTS_NOTIFICATION;
         id++) {
        int64_t value;
        if (kms_facts_number(&of->facts, id, &value)) {
            kms_output_line(&check->out, depth, "%s: %lld", kms_fact_row(id)->token,
                            (long long)value);
        }
    }
}
