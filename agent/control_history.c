/* The command history: the hours of one host, watched or not any more, an item each, read by the
 * keeper's thread. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_hosts.h"
#include "agent/control_json.h"
#include "agent/keeper.h"
#include "base/clock.h"
#include "base/text.h"

#define DAY_S     86400
#define DAYS      7
#define DAYS_MAX  3650
#define HOUR_S    3600
#define NAME_SIZE 300

struct history {
    struct kms_control_call *call;
    struct kms_control_hosts hosts;
    struct kms_keeper_ticket *ticket;
    char host[NAME_SIZE];
    char key[KMS_HISTORY_NAME_SIZE]; /* ""; all */
    int64_t now_s, from_s, to_s;
    bool is_past;  /* nobody watches the host any more */
    bool is_alike; /* a watched host fits too, by its address or first label */
    struct kms_history_hour *hour;
    size_t count, at;
};

/* ---- answering ---- */

static json_t *item_of(const struct kms_history_hour *hour)
{
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "hour", &ok);
    kms_json_text(item, "key", hour->key, &ok);
    kms_json_number(item, "hour", hour->hour_s, &ok);
    if (hour->count_known) {
        kms_json_number(item, "count", hour->count_last, &ok);
        kms_json_number(item, "count-min", hour->count_min, &ok);
        kms_json_number(item, "count-max", hour->count_max, &ok);
    }
    if (hour->required_client > 0) {
        kms_json_number(item, "required-clients", hour->required_client, &ok);
    }
    if (hour->required_server > 0) {
        kms_json_number(item, "required", hour->required_server, &ok);
    }
    if (hour->requests_known) {
        kms_json_number(item, "requests", hour->requests, &ok);
        kms_json_number(item, "failed", hour->failed, &ok);
    }
    return kms_json_whole(item, ok);
}

static void put_hour(struct kms_control_call *call)
{
    struct history *history = kms_control_kept(call);
    while (history->at < history->count && history->key[0] != '\0' &&
           !kms_text_equal_nocase(history->hour[history->at].key, history->key)) {
        history->at++;
    }
    if (history->at >= history->count) {
        kms_control_end(call);
        return;
    }
    kms_control_put(call, item_of(&history->hour[history->at++]));
}

static bool has_text(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;
    json_array_foreach(array, i, item)
    {
        if (kms_text_equal(json_string_value(item), text)) {
            return true;
        }
    }
    return false;
}

/* The keys that there are, for who asks for one. */
static json_t *keys_of(const struct history *history, bool *ok)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < history->count; i++) {
        if (!has_text(keys, history->hour[i].key)) {
            kms_json_append(keys, json_string(history->hour[i].key), ok);
        }
    }
    return keys;
}

static void put_head(struct history *history)
{
    bool ok = true;
    json_t *head = json_object();
    kms_json_text(head, "item", "head", &ok);
    kms_json_text(head, "host", history->host, &ok);
    kms_json_number(head, "from", history->from_s, &ok);
    kms_json_number(head, "to", history->to_s, &ok);
    kms_json_number(head, "now", history->now_s, &ok);
    kms_json_flag(head, "watched", !history->is_past, &ok);
    if (history->is_past) {
        kms_json_number(head, "last-hour", history->to_s - HOUR_S, &ok);
    }
    if (history->key[0] != '\0') {
        kms_json_put(head, "keys", keys_of(history, &ok), &ok);
    }
    json_t *whole = kms_json_whole(head, ok);
    if (!whole) {
        kms_control_fail(history->call, "", "out of memory");
        return;
    }
    kms_control_ok(history->call, NULL);
    kms_control_put(history->call, whole);
    kms_control_step(history->call, put_hour);
}

static bool is_read(struct history *history, enum kms_status status)
{
    history->ticket = NULL;
    if (status != KMS_OK) {
        kms_control_fail(history->call, "see 'kmsmon status' for what is wrong with the store",
                         "the history cannot be read: %s", kms_status_text(status));
    }
    return status == KMS_OK;
}

static void answer(struct history *history, const struct kms_history_hour *hour, size_t count)
{
    history->hour = calloc(count + 1, sizeof *history->hour);
    if (!history->hour) {
        kms_control_fail(history->call, "", "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        history->hour[i] = hour[i];
    }
    history->count = count;
    put_head(history);
}

/* The hours are gone when this returns. */
static void on_hours(void *arg, enum kms_status status, const struct kms_history_hour *hour,
                     size_t count)
{
    struct history *history = arg;
    if (is_read(history, status)) {
        answer(history, hour, count);
    }
}

/* "'kms01', 'kms02'" */
static void list_near(const struct kms_keeper_past *past, char *dst, size_t size)
{
    char clean[100];
    dst[0] = '\0';
    for (size_t i = 0; i < past->near_count; i++) {
        kms_text_clean(clean, sizeof clean, past->near[i], strlen(past->near[i]));
        kms_text_append(dst, size, "%s'%s'", i == 0 ? "" : ", ", clean);
    }
}

static void refuse(const struct history *history, const struct kms_keeper_past *past)
{
    char name[100];
    char near[KMS_KEEPER_PAST_NEAR * 104];
    char hint[sizeof near + 100];
    kms_control_hosts_name(&history->hosts, name, sizeof name);
    list_near(past, near, sizeof near);
    if (past->fitting > 1) {
        kms_text_format(hint, sizeof hint, "give the whole name: %s%s", near,
                        past->fitting > past->near_count ? " and others" : "");
        kms_control_fail(history->call, hint,
                         "no host '%s' is watched, and hours are kept of %zu that were", name,
                         past->fitting);
        return;
    }
    kms_text_format(hint, sizeof hint, "%s%s%skmsmon show lists the hosts",
                    past->near_count > 0 ? "did you mean " : "", near,
                    past->near_count > 0 ? "? " : "");
    kms_control_fail(history->call, hint, "no host '%s' is watched, and no hours of one are kept",
                     name);
}

static void find_host(struct kms_control_call *call);

/* What a host of the past was called as a whole comes before what a watched one is called in short.
 */
static void on_past(void *arg, enum kms_status status, const struct kms_keeper_past *past,
                    const struct kms_history_hour *hour, size_t count)
{
    struct history *history = arg;
    if (!is_read(history, status)) {
        return;
    }
    if (history->is_alike && (past->host[0] == '\0' || !past->is_whole)) {
        kms_control_step(history->call, find_host);
        return;
    }
    if (past->host[0] == '\0') {
        refuse(history, past);
        return;
    }
    int64_t span_s = history->to_s - history->from_s;
    kms_text_copy(history->host, sizeof history->host, past->host);
    history->to_s = past->last_s + HOUR_S;
    history->from_s = history->to_s - span_s;
    history->is_past = true;
    answer(history, hour, count);
}

/* ---- the request ---- */

static void find_host(struct kms_control_call *call)
{
    struct history *history = kms_control_kept(call);
    const struct kms_control_parts *parts = kms_control_parts(call);
    bool all = false;
    size_t slot;
    if (!kms_control_hosts_find(&history->hosts, call, &all) || !all) {
        return;
    }
    kms_control_step(call, NULL);
    const struct kms_snapshot *snapshot = kms_control_hosts_next(&history->hosts, parts->board,
                                                                 &slot);
    if (!snapshot || !kms_text_copy(history->host, sizeof history->host, snapshot->target->name)) {
        kms_control_fail(call, "", "the host has just left");
        return;
    }
    history->ticket = kms_keeper_hours(parts->keeper, history->host, history->from_s, history->to_s,
                                       on_hours, history);
    if (!history->ticket) {
        kms_control_fail(call, "", "out of memory");
    }
}

/* A host that is not on the board may have been. */
static void find_any(struct kms_control_call *call)
{
    struct history *history = kms_control_kept(call);
    bool is_whole = false;
    history->is_alike = kms_control_hosts_is_watched(&history->hosts, call, &is_whole);
    if (is_whole) {
        kms_control_step(call, find_host);
        return;
    }
    char name[NAME_SIZE];
    kms_control_step(call, NULL);
    kms_control_hosts_name(&history->hosts, name, sizeof name);
    history->ticket = kms_keeper_past_hours(kms_control_parts(call)->keeper, name,
                                            history->to_s - history->from_s, on_past, history);
    if (!history->ticket) {
        kms_control_fail(call, "", "out of memory");
    }
}

static bool read_request(struct history *history)
{
    struct kms_control_call *call = history->call;
    const json_t *days = json_object_get(kms_control_request(call), "days");
    const char *key = kms_control_request_text(call, "key");
    int64_t count = days ? json_integer_value(days) : DAYS;
    if ((days && !json_is_integer(days)) || count < 1 || count > DAYS_MAX) {
        kms_control_fail(call, "days is a whole number from 1 to 3650",
                         "how many days are wanted is not clear");
        return false;
    }
    if (key && !kms_text_copy(history->key, sizeof history->key, key)) {
        kms_control_fail(call, "", "no key has a name that long");
        return false;
    }
    history->now_s = kms_clock_wall_s(kms_control_parts(call)->clock);
    history->to_s = history->now_s - history->now_s % HOUR_S + HOUR_S;
    history->from_s = history->to_s - count * DAY_S;
    return true;
}

static void start_history(struct kms_control_call *call)
{
    struct history *history = calloc(1, sizeof *history);
    if (!history) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, history);
    history->call = call;
    if (!kms_control_parts(call)->keeper) {
        kms_control_fail(call, "", "this agent keeps no history");
        return;
    }
    if (!read_request(history) || !kms_control_hosts_begin(&history->hosts, call)) {
        return;
    }
    if (history->hosts.named != 1) {
        kms_control_fail(call, "name one host", "which host is meant is not clear");
        return;
    }
    kms_control_step(call, find_any);
}

static void end_history(struct kms_control_call *call)
{
    struct history *history = kms_control_kept(call);
    if (!history) {
        return;
    }
    if (history->ticket) {
        kms_keeper_forget(history->ticket);
    }
    kms_control_hosts_done(&history->hosts);
    free(history->hour);
    free(history);
}

const struct kms_control_command kms_control_history = {
    .name = "history", .changes = false, .start = start_history, .done = end_history};
