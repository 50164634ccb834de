/* kmsmon history: asks the running daemon for the hours of a host and plots them. */
#include "command.h"

#include <langinfo.h>
#include <locale.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "asking.h"
#include "base/file.h"
#include "base/text.h"
#include "history.h"
#include "listing.h"

#define FILE_MODE 0644

struct options {
    struct kms_asking_options asking; /* first */
    char *key, *svg;
    int64_t days;
};

static const struct kms_opt rows[] = {
    {KMS_ASKING_ROW("key", 'k', KMS_OPT_TEXT, options, key), .arg = "NAME",
     .help = "only this one: Windows, Office or 'Office 2010'"},
    {KMS_ASKING_ROW("days", 'd', KMS_OPT_UINT, options, days), .min = 1, .max = 3650, .preset = "7",
     .arg = "N", .help = "how far back"},
    {KMS_ASKING_ROW("svg", 0, KMS_OPT_TEXT, options, svg), .arg = "FILE",
     .help = "write a picture instead; -: to standard output"},
    KMS_ASKING_JSON("print one JSON object with all hours"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "history",
    .purpose = "Plots the count of a host against what its clients need, and its requests, hour by "
               "hour;\nof one that is not watched any more, the days before its last hour.",
    .usage = "Usage: kmsmon history [--days N] [--key NAME] [--json | --svg FILE] HOST\n",
    .note = "Exit: 0 it is shown, 1 nothing is known of that time, 2 wrong usage, 3 no answer from "
            "kmsmond,\nor the file cannot be written.\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

struct fetch {
    struct kms_history history;
    json_t *hours;
    json_t *keys; /* that there are, when one was asked for; else NULL */
};

static void free_history(struct kms_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        free(history->series[i].point);
    }
}

static struct kms_history_series *series_of(struct kms_history *history, const char *key)
{
    for (size_t i = 0; i < history->count; i++) {
        if (kms_text_equal(history->series[i].key, key)) {
            return &history->series[i];
        }
    }
    if (history->count == KMS_HISTORY_SERIES_MAX) {
        return NULL;
    }
    struct kms_history_series *series = &history->series[history->count++];
    kms_text_clean(series->key, sizeof(series->key), key, strlen(key));
    return series;
}

static bool add_point(struct kms_history_series *series, const json_t *item, int64_t hour_s)
{
    if (series->count == series->cap) {
        size_t cap = series->cap == 0 ? 256 : series->cap * 2;
        struct kms_history_point *grown = realloc(series->point, cap * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        series->point = grown;
        series->cap = cap;
    }
    struct kms_history_point point = {.hour_s = hour_s};
    point.count_known = kms_asking_number(item, "count", &point.last) &&
                        kms_asking_number(item, "count-min", &point.low) &&
                        kms_asking_number(item, "count-max", &point.high);
    (void)kms_asking_number(item, "required-clients", &point.clients);
    (void)kms_asking_number(item, "required", &point.servers);
    point.requests_known = kms_asking_number(item, "requests", &point.requests) &&
                           kms_asking_number(item, "failed", &point.failed);
    series->point[series->count++] = point;
    return true;
}

static bool add_item(void *arg, const struct json_t *item)
{
    struct fetch *fetch = arg;
    int64_t hour_s = 0;

    if (kms_text_equal(kms_asking_text(item, "item"), "head")) {
        kms_text_clean(fetch->history.host, sizeof(fetch->history.host),
                       kms_asking_text(item, "host"), strlen(kms_asking_text(item, "host")));
        (void)kms_asking_number(item, "from", &fetch->history.from_s);
        (void)kms_asking_number(item, "to", &fetch->history.to_s);
        (void)kms_asking_number(item, "now", &fetch->history.now_s);
        json_decref(fetch->keys);
        fetch->keys = json_incref(json_object_get(item, "keys"));
        fetch->history.is_past = kms_asking_number(item, "last-hour", &fetch->history.last_s);
        return true;
    }
    if (!kms_asking_number(item, "hour", &hour_s)) {
        return true; /* of a newer daemon */
    }
    struct kms_history_series *series = series_of(&fetch->history, kms_asking_text(item, "key"));
    json_t *copy = json_copy((json_t *)item);
    bool whole = copy != NULL && json_object_del(copy, "item") == 0 &&
                 json_array_append_new(fetch->hours, json_incref(copy)) == 0 &&
                 (series == NULL || add_point(series, item, hour_s));
    json_decref(copy);
    return whole;
}

/* ---- showing ---- */

static bool render_json(const struct fetch *fetch, struct kms_buf *out)
{
    json_t *all = json_object();
    const struct kms_history *history = &fetch->history;
    bool whole = all != NULL && json_object_set_new(all, "host", json_string(history->host)) == 0 &&
                 json_object_set_new(all, "watched", json_boolean(!history->is_past)) == 0 &&
                 (!history->is_past ||
                  json_object_set_new(all, "last-hour", json_integer(history->last_s)) == 0) &&
                 json_object_set_new(all, "from", json_integer(history->from_s)) == 0 &&
                 json_object_set_new(all, "to", json_integer(history->to_s)) == 0 &&
                 json_object_set_new(all, "now", json_integer(history->now_s)) == 0 &&
                 (fetch->keys == NULL || json_object_set(all, "keys", fetch->keys) == 0) &&
                 json_object_set(all, "hours", fetch->hours) == 0;
    char *text = whole ? json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

    whole = text != NULL && kms_buf_addf(out, "%s\n", text) == KMS_OK;
    free(text);
    json_decref(all);
    return whole;
}

static bool is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = locale != (locale_t)0 &&
                kms_text_equal_nocase(nl_langinfo_l(CODESET, locale), "UTF-8");

    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    return utf8;
}

static int write_picture(const struct kms_history *history, const char *path)
{
    struct kms_buf out;
    struct kms_fault fault = {.text = ""};
    int code = KMS_ASKING_OK;

    kms_buf_init(&out, KMS_ASKING_OUTPUT_MAX);
    if (kms_history_svg(history, &out) != KMS_OK) {
        code = kms_form_no_memory(&form);
    } else if (kms_text_equal(path, "-")) {
        code = kms_form_print(&form, &out, KMS_ASKING_OK);
    } else if (kms_file_replace(path, out.data, out.len, FILE_MODE, &fault) != KMS_OK) {
        (void)fprintf(stderr, "kmsmon history: %s\n", fault.text);
        code = KMS_ASKING_NO_REPLY;
    }
    kms_buf_done(&out);
    return code;
}

static void complain(const struct fetch *fetch, const struct options *options)
{
    const json_t *key;
    char message[600];
    size_t i;

    if (json_array_size(fetch->keys) > 0) {
        kms_text_format(message, sizeof(message), "no key '%.100s' of %s; there %s", options->key,
                        fetch->history.host, json_array_size(fetch->keys) == 1 ? "is" : "are");
    } else {
        kms_text_format(message, sizeof(message),
                        "nothing is known of %s in the last %lld day%s; what is new is kept every "
                        "five minutes",
                        fetch->history.host, (long long)options->days,
                        kms_text_plural((uint64_t)options->days));
    }
    json_array_foreach(fetch->keys, i, key)
    {
        const char *name = json_string_value(key);
        kms_text_append(message, sizeof(message), "%s %s", i > 0 ? "," : ":",
                        name != NULL ? name : "");
    }
    kms_form_complain(&form, message);
}

static int show(const struct fetch *fetch, const struct options *options)
{
    struct kms_buf out;
    struct kms_history_style style = {.width = kms_listing_style_of(STDOUT_FILENO).width,
                                      .utf8 = is_utf8()};
    bool any = fetch->history.count > 0;
    int code = any ? KMS_ASKING_OK : KMS_ASKING_NOT_OK;

    if (!any && !options->asking.json) {
        complain(fetch, options);
        return code;
    }
    if (options->svg != NULL) {
        return write_picture(&fetch->history, options->svg);
    }
    kms_buf_init(&out, KMS_ASKING_OUTPUT_MAX);
    bool whole = options->asking.json ? render_json(fetch, &out)
                                      : kms_history_plot(&fetch->history, &style, &out) == KMS_OK;
    code = whole ? kms_form_print(&form, &out, code) : kms_form_no_memory(&form);
    kms_buf_done(&out);
    return code;
}

static json_t *request_of(const struct options *options, int argc, char **argv, int rest)
{
    json_t *request = kms_asking_request(&form, argc, argv, rest);
    bool whole = request != NULL &&
                 json_object_set_new(request, "days", json_integer(options->days)) == 0 &&
                 (options->key == NULL ||
                  json_object_set_new(request, "key", json_string(options->key)) == 0);

    if (!whole) {
        json_decref(request);
        return NULL;
    }
    return request;
}

static int history(const struct options *options, int argc, char **argv, int rest)
{
    struct fetch fetch = {.hours = json_array()};
    int code = kms_asking_run(&form, &options->asking, request_of(options, argc, argv, rest),
                              add_item, &fetch);

    if (code == KMS_ASKING_OK) {
        code = show(&fetch, options);
    }
    free_history(&fetch.history);
    json_decref(fetch.hours);
    json_decref(fetch.keys);
    return code;
}

void kms_command_history_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_history(int argc, char **argv)
{
    struct options options = {.days = 0};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        if (argc - rest != 1) {
            code = kms_form_mistake(&form, "name one host");
        } else if (options.svg != NULL && options.asking.json) {
            code = kms_form_mistake(&form, "--json and --svg exclude each other");
        } else {
            code = history(&options, argc, argv, rest);
        }
    }
    kms_opts_free_values(rows, &options);
    return code;
}
