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

enum kms_state kms_requests_state(const struct kms_check *check, size_t key)
{
    const struct kms_key_judgement *of = key_of(check, key);

    if (!ranged(check) || of->requests_state == KMS_STATE_UNKNOWN || !of->window.known) {
        return of->requests_state == KMS_STATE_UNKNOWN || !ranged(check) ? of->requests_state
                                                                         : KMS_STATE_OK;
    }
    return kms_check_range_state(check, of->window.failed);
}

static void add_counter(struct kms_check *check, const char *stem, size_t key, enum kms_fact_id id)
{
    struct kms_perf perf;
    char label[64];

    kms_show_label(check, stem, key, label, sizeof(label));
    perf = kms_show_fact_perf(check, label, key, id);
    perf.unit = "c";
    kms_output_perf(&check->out, &perf);
}

static void add_gauge(struct kms_check *check, const char *stem, size_t key, double value,
                      const char *unit, bool judged)
{
    const struct kms_key_judgement *of = key_of(check, key);
    char label[64];
    struct kms_perf perf = {.label = label, .value = value, .unit = unit, .min_known = true};

    kms_show_label(check, stem, key, label, sizeof(label));
    perf.known = of->window.known && !of->stale;
    if (judged && ranged(check)) {
        perf.warning = check->warning;
        perf.critical = check->critical;
    } else if (judged) {
        perf.warning = kms_range_at_most((double)check->options.policy.failed_warning);
        perf.critical = kms_range_at_most((double)check->options.policy.failed_critical);
    }
    kms_output_perf(&check->out, &perf);
}

void kms_requests_perf(struct kms_check *check, bool all)
{
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        const struct kms_window_view *view = &key_of(check, i)->window;
        add_counter(check, "requests", i, KMS_FACT_TOTAL_REQUESTS);
        add_counter(check, "failed", i, KMS_FACT_FAILED_REQUESTS);
        add_gauge(check, "new_failed", i, view->failed, "", true);
        if (!all) {
            continue;
        }
        add_gauge(check, "new", i, view->total, "", false);
        add_gauge(check, "failed_rate", i, view->failed_per_hour, "", false);
        add_gauge(check, "failed_pct", i, view->failed_permille / 10.0, "%", false);
    }
}

static void show_window(struct kms_check *check, unsigned depth, const struct kms_key_judgement *of)
{
    const char *note = check->windows != NULL ? kms_windows_note(check->windows) : "";
    char window[32], since[32];

    kms_text_duration(window, sizeof(window), check->options.policy.requests_window_ms);
    if (note[0] != '\0') {
        kms_output_line(&check->out, depth, "window of %s: %s", window, note);
    } else if (!of->window.known) {
        kms_output_line(&check->out, depth, "window of %s: starts with this report", window);
    }
    if (of->window.known) {
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
    show_window(check, depth, of);
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
