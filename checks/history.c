/* What the plot and the picture of a history have in common. */
#include "history.h"

#include <time.h>

#include "base/text.h"

#define DAY_S  INT64_C(86400)
#define WEEK_S (7 * DAY_S)

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

/* Hours that are over, or known already. */
static size_t unknown_hours(const struct kms_history *history,
                            const struct kms_history_series *series)
{
    int64_t end_s = history->to_s;
    int64_t known = 0;

    if (kms_history_has_now(history)) {
        end_s = history->now_s - history->now_s % KMS_HISTORY_HOUR_S;
    }
    for (size_t i = 0; i < series->count; i++) {
        known += series->point[i].hour_s < end_s ? 1 : 0;
    }
    int64_t hours = (end_s - history->from_s) / KMS_HISTORY_HOUR_S;
    return hours > known ? (size_t)(hours - known) : 0;
}

void kms_history_words(const struct kms_history *history, const struct kms_history_series *series,
                       char *dst, size_t size)
{
    size_t at = 0;
    int64_t clients, servers;
    struct kms_history_span all = kms_history_between(series, INT64_MIN, INT64_MAX, &at);
    size_t unknown = unknown_hours(history, series);

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
        kms_text_append(dst, size, "; %lld request%s, %lld failed", (long long)all.requests,
                        kms_text_plural((uint64_t)all.requests), (long long)all.failed);
    }
    if (unknown > 0) {
        kms_text_append(dst, size, "; nothing is known of %zu hour%s", unknown,
                        unknown == 1 ? "" : "s");
    }
}

void kms_history_past(const struct kms_history *history, char *dst, size_t size)
{
    char date[32], clock[16], zone[32];
    struct kms_history end = {.from_s = history->last_s, .to_s = history->last_s};

    dst[0] = '\0';
    if (history->is_past) {
        kms_history_date(history->last_s, 28 * DAY_S, date, sizeof(date));
        kms_history_clock(history->last_s, clock, sizeof(clock));
        kms_history_zone(&end, zone, sizeof(zone));
        kms_text_format(dst, size, "%s is not watched any more; its last hour is %s %s %s",
                        history->host, date, clock, zone);
    }
}

bool kms_history_has_now(const struct kms_history *history)
{
    return !history->is_past && history->now_s >= history->from_s && history->now_s < history->to_s;
}

/* ---- times ---- */

/* Seconds east of Greenwich; a time that no calendar has is in UTC. */
static int64_t offset_at(int64_t at_s, char *zone, size_t size)
{
    time_t at = (time_t)at_s;
    struct tm date;

    if (localtime_r(&at, &date) == NULL) {
        kms_text_copy(zone, size, "UTC");
        return 0;
    }
    kms_text_copy(zone, size, date.tm_zone != NULL ? date.tm_zone : "");
    return date.tm_gmtoff;
}

static int64_t local_of(int64_t at_s)
{
    char zone[32];

    return at_s + offset_at(at_s, zone, sizeof(zone));
}

int64_t kms_history_step(int64_t span_s, size_t max)
{
    static const int64_t steps[] = {3600,       7200,       10800,       21600,
                                    43200,      DAY_S,      2 * DAY_S,   WEEK_S,
                                    2 * WEEK_S, 4 * WEEK_S, 13 * WEEK_S, 26 * WEEK_S};
    size_t i = 0;

    while (i + 1 < KMS_COUNT_OF(steps) && span_s / steps[i] > (int64_t)max) {
        i++;
    }
    return steps[i];
}

/* The offset may be another one at the mark than where the search begins. */
int64_t kms_history_mark(int64_t at_s, int64_t step_s)
{
    int64_t origin = step_s % WEEK_S == 0 ? 4 * DAY_S : 0; /* 1970 began on a Thursday */
    int64_t local = (local_of(at_s) - origin + step_s - 1) / step_s * step_s + origin;
    int64_t near = local - (local_of(at_s) - at_s);
    int64_t mark = local - (local_of(near) - near);

    return mark >= at_s ? mark : near;
}

void kms_history_clock(int64_t at_s, char *dst, size_t size)
{
    struct kms_date date = kms_date_of(local_of(at_s));

    kms_text_format(dst, size, "%02u:%02u", date.hour, date.minute);
}

void kms_history_zone(const struct kms_history *history, char *dst, size_t size)
{
    char first[32], last[32];

    (void)offset_at(history->from_s, first, sizeof(first));
    (void)offset_at(history->to_s, last, sizeof(last));
    kms_text_format(dst, size, "%s%s%s", first, kms_text_equal(first, last) ? "" : ", ",
                    kms_text_equal(first, last) ? "" : last);
}

void kms_history_date(int64_t at_s, int64_t step_s, char *dst, size_t size)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kms_date date = kms_date_of(local_of(at_s));
    const char *month = months[(date.month - 1) % 12];

    if (step_s < DAY_S) {
        kms_text_format(dst, size, "%u %s %02u:%02u", date.day, month, date.hour, date.minute);
    } else if (step_s < 4 * WEEK_S) {
        kms_text_format(dst, size, "%u %s", date.day, month);
    } else {
        kms_text_format(dst, size, "%u %s %lld", date.day, month, (long long)date.year);
    }
}
