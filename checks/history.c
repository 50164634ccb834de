/* What the plot and the picture of a history have in common. */
#include "history.h"

#include "base/text.h"

#define DAY_S INT64_C(86400)

struct kms_history_span kms_history_between(const struct kms_history_series *series, int64_t from_s,
                                            int64_t to_s, size_t *at)
{
    struct kms_history_span span = {.low = 0};

    while (*at < series->count && series->point[*at].hour_s < from_s) {
        (*at)++;
    }
    for (; *at < series->count && series->point[*at].hour_s < to_s; (*at)++) {
        const struct kms_history_point *point = &series->point[*at];
        if (point->count_known) {
            span.low = span.count_known && span.low < point->low ? span.low : point->low;
            span.high = span.count_known && span.high > point->high ? span.high : point->high;
            span.last = point->last;
            span.count_known = true;
        }
        if (point->requests_known) {
            span.requests += point->requests;
            span.failed += point->failed;
            span.requests_known = true;
        }
    }
    return span;
}

void kms_history_required(const struct kms_history_series *series, int64_t *ret_clients,
                          int64_t *ret_servers)
{
    *ret_clients = 0;
    *ret_servers = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct kms_history_point *point = &series->point[i];
        *ret_clients = point->clients > 0 ? point->clients : *ret_clients;
        *ret_servers = point->servers > 0 ? point->servers : *ret_servers;
    }
}

int64_t kms_history_top(const struct kms_history_series *series)
{
    static const int64_t steps[] = {4, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100};
    int64_t most = 0, unit = 1;

    for (size_t i = 0; i < series->count; i++) {
        const struct kms_history_point *point = &series->point[i];
        most = point->count_known && point->high > most ? point->high : most;
        most = point->clients > most ? point->clients : most;
        most = point->servers > most ? point->servers : most;
    }
    while (most > 100 * unit) {
        unit *= 10;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(steps); i++) {
        if (steps[i] * unit > most) { /* a line at the very top would look cut off */
            return steps[i] * unit;
        }
    }
    return 120 * unit;
}

static void add_below(const struct kms_history_series *series, int64_t required, const char *whom,
                      char *dst, size_t size)
{
    size_t below = 0, known = 0;

    for (size_t i = 0; i < series->count; i++) {
        if (series->point[i].count_known) {
            known++;
            below += series->point[i].low < required ? 1 : 0;
        }
    }
    if (required > 0 && below > 0) {
        kms_text_append(dst, size, ", below %lld (%s) in %zu of %zu hours", (long long)required,
                        whom, below, known);
    }
}

void kms_history_words(const struct kms_history_series *series, char *dst, size_t size)
{
    size_t at = 0;
    int64_t clients, servers;
    struct kms_history_span all = kms_history_between(series, INT64_MIN, INT64_MAX, &at);

    kms_history_required(series, &clients, &servers);
    if (all.count_known) {
        kms_text_format(dst, size, "count %lld (%lld to %lld)", (long long)all.last,
                        (long long)all.low, (long long)all.high);
        add_below(series, clients, "clients", dst, size);
        add_below(series, servers, clients > 0 ? "servers" : "required", dst, size);
    } else {
        kms_text_copy(dst, size, "no count is known");
    }
    if (all.requests_known) {
        kms_text_append(dst, size, "; %lld requests, %lld failed", (long long)all.requests,
                        (long long)all.failed);
    }
}

int64_t kms_history_tick(int64_t span_s, size_t max)
{
    static const int64_t steps[] = {3600,       7200,       10800,      21600,
                                    43200,      DAY_S,      2 * DAY_S,  7 * DAY_S,
                                    14 * DAY_S, 28 * DAY_S, 91 * DAY_S, 182 * DAY_S};
    size_t i = 0;

    while (i + 1 < KMS_COUNT_OF(steps) && span_s / steps[i] > (int64_t)max) {
        i++;
    }
    return steps[i];
}

void kms_history_date(int64_t at_s, int64_t step_s, char *dst, size_t size)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kms_date date = kms_date_of(at_s);
    const char *month = months[(date.month - 1) % 12];

    if (step_s < DAY_S) {
        kms_text_format(dst, size, "%u %s %02u:%02u", date.day, month, date.hour, date.minute);
    } else if (step_s < 28 * DAY_S) {
        kms_text_format(dst, size, "%u %s", date.day, month);
    } else {
        kms_text_format(dst, size, "%u %s %lld", date.day, month, (long long)date.year);
    }
}
