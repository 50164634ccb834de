/* Counts and requests of a host are gathered hour by hour; what was put is joined in the store. */
#include "agent/memories_hours.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define HOUR_S      3600
#define SERIES_MAX  4
#define OWN_PER_SUM 64 /* more requests of ours than that in one sample are no count of ours */

struct kms_memories_series {
    enum kms_application application;
    uint64_t identity; /* of the window of the key that it follows */
    int64_t hour_s;    /* 0: nothing is gathered */
    int64_t put_s;     /* wall clock */
    bool fresh;        /* since it was put */
    bool count_known, requests_known;
    uint32_t last, low, high;
    uint32_t client, server;
    uint32_t requests, failed;
    /* the counters as they were */
    bool counters_known;
    int64_t discontinuity_s;
    uint32_t total_was, failed_was, own_was;
};

void kms_memories_hours_done(struct kms_memories_hours *hours)
{
    free(hours->series);
    free(hours->host);
    *hours = (struct kms_memories_hours){0};
}

static const char *name_of(enum kms_application application)
{
    switch (application) {
    case KMS_APPLICATION_WINDOWS:
        return "Windows";
    case KMS_APPLICATION_OFFICE2010:
        return "Office 2010";
    case KMS_APPLICATION_OFFICE:
        return "Office";
    default:
        return NULL;
    }
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    }
    return hash;
}

/* The name outlives the row of the host, for what is put when it has left. */
static bool is_named(struct kms_memories_hours *hours, const char *host)
{
    hours->host = hours->host ? hours->host : kms_text_dup(host);
    return hours->host != NULL;
}

static struct kms_memories_series *find(struct kms_memories_hours *hours,
                                        enum kms_application application)
{
    for (size_t i = 0; i < hours->count; i++) {
        if (hours->series[i].application == application) {
            return &hours->series[i];
        }
    }
    struct kms_memories_series *grown = hours->count == SERIES_MAX
                                            ? NULL
                                            : realloc(hours->series,
                                                      (hours->count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    hours->series = grown;
    grown += hours->count++;
    *grown = (struct kms_memories_series){.application = application};
    return grown;
}

/* ---- putting ---- */

static void put(struct kms_memories_series *series, const char *host, struct kms_keeper *keeper)
{
    struct kms_history_hour hour = {.hour_s = series->hour_s,
                                    .count_known = series->count_known,
                                    .count_last = series->last,
                                    .count_min = series->low,
                                    .count_max = series->high,
                                    .required_client = series->client,
                                    .required_server = series->server,
                                    .requests_known = series->requests_known,
                                    .requests = series->requests,
                                    .failed = series->failed};
    bool known = series->fresh && (series->count_known || series->requests_known);
    if (known && kms_text_copy(hour.host, sizeof hour.host, host) &&
        kms_text_copy(hour.key, sizeof hour.key, name_of(series->application))) {
        (void)kms_keeper_put_hour(keeper, &hour);
    }
    series->requests = 0; /* these are added up there */
    series->failed = 0;
    series->fresh = false;
}

static void begin(struct kms_memories_series *series, int64_t hour_s, int64_t now_s)
{
    series->hour_s = hour_s;
    series->put_s = now_s;
    series->fresh = false;
    series->count_known = false;
    series->requests_known = false;
    series->requests = 0;
    series->failed = 0;
}

void kms_memories_hours_leave(struct kms_memories_hours *hours, struct kms_keeper *keeper)
{
    for (size_t i = 0; i < hours->count; i++) {
        put(&hours->series[i], hours->host, keeper);
    }
}

/* ---- gathering ---- */

static void add_count(struct kms_memories_series *series, uint32_t count)
{
    series->fresh = series->fresh || !series->count_known || series->last != count;
    series->low = series->count_known && series->low < count ? series->low : count;
    series->high = series->count_known && series->high > count ? series->high : count;
    series->last = count;
    series->count_known = true;
}

static void set_required(struct kms_memories_series *series, const struct kms_judgement *judgement,
                         size_t key)
{
    series->client = 0;
    series->server = 0;
    for (size_t i = 1; i <= KMS_CLASS_MAX; i++) {
        const struct kms_class_judgement *cls = &judgement->cls[i];
        if (cls->present && cls->key == (int)key) {
            uint32_t *to = i == (size_t)KMS_CLASS_CLIENT ? &series->client : &series->server;
            *to = cls->required;
        }
    }
}

/* What this process was told, and is not stale. */
static bool is_current(const struct kms_snapshot *snapshot, const struct kms_key_judgement *key)
{
    return !key->stale && !key->superseded && name_of(key->application) &&
           snapshot->last[key->source];
}

static void gather(struct kms_memories_hours *hours, const struct kms_snapshot *snapshot,
                   int64_t now_s, struct kms_keeper *keeper)
{
    for (size_t i = 0; i < snapshot->judgement.key_count; i++) {
        const struct kms_key_judgement *key = &snapshot->judgement.key[i];
        int64_t count = 0;
        struct kms_memories_series *series = is_current(snapshot, key) &&
                                                     is_named(hours, snapshot->target->name)
                                                 ? find(hours, key->application)
                                                 : NULL;
        if (!series) {
            continue;
        }
        int64_t hour_s = now_s - now_s % HOUR_S;
        if (series->hour_s != hour_s) {
            put(series, hours->host, keeper);
            begin(series, hour_s, now_s);
        }
        series->identity = hash_of(kms_key_window_name(key));
        set_required(series, &snapshot->judgement, i);
        if (kms_facts_number(&key->facts, KMS_FACT_CURRENT_COUNT, &count) && count >= 0 &&
            count <= UINT32_MAX) {
            add_count(series, (uint32_t)count);
        }
        /* An unchanged counter is no new sample: nobody asked. */
        bool was_known = series->requests_known;
        series->requests_known = series->requests_known || series->counters_known;
        series->fresh = series->fresh || was_known != series->requests_known;
    }
}

void kms_memories_hours_snapshot(struct kms_memories_hours *hours,
                                 const struct kms_snapshot *snapshot, int64_t now_s,
                                 struct kms_keeper *keeper)
{
    gather(hours, snapshot, now_s, keeper);
}

static uint32_t less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

static void add_requests(struct kms_memories_series *series, const struct kms_window *window)
{
    const struct kms_window_sample *sample = &window->sample[window->count - 1];
    uint32_t total = sample->total - series->total_was; /* over 2^32, too */
    uint32_t failed = sample->failed - series->failed_was;
    uint32_t own = less(series->own_was, window->own); /* that this sample shows */
    bool goes_on = series->counters_known && series->discontinuity_s == window->discontinuity_s;
    if (goes_on && failed <= total) {
        total = own <= OWN_PER_SUM ? less(total, own) : total;
        failed = failed < total ? failed : total;
        series->requests += less(UINT32_MAX, series->requests) < total ? 0 : total;
        series->failed += less(UINT32_MAX, series->failed) < failed ? 0 : failed;
        series->requests_known = true;
        series->fresh = true;
    }
    series->counters_known = true;
    series->discontinuity_s = window->discontinuity_s;
    series->total_was = sample->total;
    series->failed_was = sample->failed;
    series->own_was = window->own;
}

/* Of the key that the hour is about: of others of the application the judge says that they do not
 * count. */
void kms_memories_hours_window(struct kms_memories_hours *hours, const char *identity,
                               const struct kms_window *window)
{
    uint64_t hash = hash_of(identity);
    for (size_t i = 0; i < hours->count; i++) {
        struct kms_memories_series *series = &hours->series[i];
        if (series->identity == hash && series->application == window->application) {
            add_requests(series, window);
        }
    }
}

/* Which one of the spans that begin shift_s after those of the clock. */
static int64_t turn_of(int64_t at_s, int64_t shift_s)
{
    return (at_s - shift_s) / KMS_MEMORIES_TURN_S;
}

/* An hour in which a host was not asked still has the count that is in force. */
void kms_memories_hours_turn(struct kms_memories_hours *hours, const struct kms_snapshot *snapshot,
                             int64_t now_s, int64_t shift_s, bool at_once,
                             struct kms_keeper *keeper)
{
    int64_t hour_s = now_s - now_s % HOUR_S;
    for (size_t i = 0; i < hours->count; i++) {
        struct kms_memories_series *series = &hours->series[i];
        bool is_due = turn_of(now_s, shift_s) != turn_of(series->put_s, shift_s);
        if (at_once || is_due) {
            put(series, hours->host, keeper);
            series->put_s = now_s;
        }
    }
    bool is_turn = at_once || now_s - hour_s >= shift_s;
    if (hours->count > 0 && hours->series[0].hour_s != hour_s && is_turn) {
        gather(hours, snapshot, now_s, keeper);
    }
}
