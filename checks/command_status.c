/* kmsmon status: how the running daemon is, and what is not well, with the next step of each. */
#include "command.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "asking.h"
#include "base/text.h"
#include "listing.h"
#include "table.h"

static const struct kms_opt rows[] = {
    KMS_ASKING_JSON("print one JSON object"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "status",
    .purpose = "Shows how the running kmsmond is: its parts, its hosts, and what is not well.",
    .usage = "Usage: kmsmon status [--json] [--socket PATH]\n",
    .note = "Exit: 0 all is well, 1 something is not, 2 wrong usage, 3 no answer from kmsmond.\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

/* The parts of an answer, each with its heading. */
enum section { SECTION_PARTS, SECTION_DOMAINS, SECTION_HOSTS, SECTION_ALARMS, SECTIONS };

static const struct {
    const char *item; /* what the daemon calls one of them, and the member with its name */
    const char *json;
    const char *heading;
} sections[SECTIONS] = {
    [SECTION_PARTS] = {"part", "parts", ""},
    [SECTION_DOMAINS] = {"domain", "domains", "Domains"},
    [SECTION_HOSTS] = {"host", "not-ok", "Hosts that are not ok"},
    [SECTION_ALARMS] = {"alarm", "alarms", "Active alarms"},
};

struct status {
    json_t *agent, *hosts, *alarms;
    json_t *section[SECTIONS]; /* arrays */
    bool well;
};

static void replace(json_t **place, json_t *copy)
{
    json_decref(*place);
    *place = copy;
}

/* One of those that are there once; false: it is another. */
static bool keep_single(struct status *status, const char *kind, json_t *copy)
{
    if (kms_text_equal(kind, "agent")) {
        replace(&status->agent, copy);
    } else if (kms_text_equal(kind, "hosts")) {
        replace(&status->hosts, copy);
    } else if (kms_text_equal(kind, "alarms")) {
        replace(&status->alarms, copy);
    } else {
        return false;
    }
    return true;
}

static bool add_item(void *arg, const struct json_t *item)
{
    struct status *status = arg;
    const char *kind = kms_asking_text(item, "item");
    json_t *copy = json_copy((json_t *)item);

    if (copy == NULL || json_object_del(copy, "item") != 0) {
        json_decref(copy);
        return false;
    }
    if (json_object_get(copy, "state") != NULL && kms_asking_state(copy) != KMS_STATE_OK) {
        status->well = false;
    }
    if (keep_single(status, kind, copy)) {
        return true;
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        if (kms_text_equal(kind, sections[i].item)) {
            return json_array_append_new(status->section[i], copy) == 0;
        }
    }
    json_decref(copy); /* of a newer daemon */
    return true;
}

/* ---- JSON ---- */

static int64_t not_ok_count(const struct status *status)
{
    int64_t count = 0, well = 0;

    (void)kms_asking_number(status->hosts, "count", &count);
    (void)kms_asking_number(status->hosts, "ok", &well);
    return count > well ? count - well : 0;
}

/* Whether no host and no alarm is left out. */
static bool is_whole(const struct status *status)
{
    int64_t alarms = 0;

    (void)kms_asking_number(status->alarms, "count", &alarms);
    return (int64_t)json_array_size(status->section[SECTION_HOSTS]) >= not_ok_count(status) &&
           (int64_t)json_array_size(status->section[SECTION_ALARMS]) >= alarms;
}

static bool render_json(const struct status *status, struct kms_buf *out)
{
    json_t *all = json_object();
    char *text = NULL;
    bool ok = all != NULL && json_object_set(all, "agent", status->agent) == 0 &&
              json_object_set(all, "hosts", status->hosts) == 0 &&
              json_object_set(all, "active-alarms", json_object_get(status->alarms, "count")) ==
                  0 &&
              json_object_set_new(all, "not-ok-hosts", json_integer(not_ok_count(status))) == 0 &&
              json_object_set_new(all, "whole", json_boolean(is_whole(status))) == 0;

    for (size_t i = 0; i < SECTIONS; i++) {
        ok = ok && json_object_set(all, sections[i].json, status->section[i]) == 0;
    }
    text = ok ? json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    ok = text != NULL && kms_buf_addf(out, "%s\n", text) == KMS_OK;
    free(text);
    json_decref(all);
    return ok;
}

/* ---- text ---- */

static bool render_head(const struct status *status, const struct kms_listing_style *style,
                        struct kms_buf *out)
{
    char title[160], since[32] = "", age[32], up[100] = "", speed[64] = "";
    int64_t started_s = 0, now_s = 0, pid = 0, times = 0;

    (void)kms_asking_number(status->agent, "pid", &pid);
    kms_text_format(title, sizeof(title), "kmsmond %s%s", kms_asking_text(status->agent, "version"),
                    json_is_true(json_object_get(status->agent, "simulated"))
                        ? ", a simulation: nothing here is true of any host"
                        : "");
    if (kms_asking_number(status->agent, "started", &started_s)) {
        kms_date_text(since, sizeof(since), started_s);
    }
    /* Its clock is the one that matters: that of a simulation runs ahead of ours. */
    if (kms_asking_number(status->agent, "speed", &times) && times > 1) {
        kms_text_format(speed, sizeof(speed), " of its time, %lld times as fast as ours",
                        (long long)times);
    }
    if (kms_asking_number(status->agent, "now", &now_s)) {
        kms_text_age(age, sizeof(age), now_s - started_s);
        kms_text_format(up, sizeof(up), " (%s%s)", age, speed);
    }
    return kms_colour_add(out, style->colours, KMS_COLOUR_BOLD, title) == KMS_OK &&
           kms_buf_addf(out, ", process %lld, since %s UTC%s\n\n", (long long)pid, since, up) ==
               KMS_OK;
}

static void add_row(struct kms_table *table, enum kms_state state, const char *name,
                    const char *text, const char *next)
{
    char line[460];

    kms_table_add(table, kms_colour_of_state(state), kms_state_upper(state));
    kms_table_add(table, KMS_COLOUR_NONE, name);
    kms_table_add(table, KMS_COLOUR_NONE, text);
    if (next[0] != '\0') {
        kms_text_format(line, sizeof(line), "next step: %s", next);
        kms_table_add(table, KMS_COLOUR_NONE, "");
        kms_table_add(table, KMS_COLOUR_NONE, "");
        kms_table_add(table, KMS_COLOUR_NONE, line);
    }
}

static void add_hosts_row(struct kms_table *table, const json_t *hosts)
{
    const struct kms_word_set *states = kms_words_state();
    int64_t count = 0, of = 0;
    char text[200];

    (void)kms_asking_number(hosts, "count", &count);
    if (count == 0) {
        add_row(table, kms_asking_state(hosts), "hosts", "none is watched",
                "name hosts in the configuration, or domains to discover");
        return;
    }
    kms_text_format(text, sizeof(text), "%lld", (long long)count);
    for (size_t i = 0; i < states->count; i++) {
        if (kms_asking_number(hosts, states->words[i].label, &of) && of > 0) {
            kms_text_append(text, sizeof(text), ", %lld %s", (long long)of, states->words[i].label);
        }
    }
    add_row(table, kms_asking_state(hosts), "hosts", text, "");
}

static bool render_section(const struct status *status, enum section which,
                           const struct kms_listing_style *style, struct kms_buf *out)
{
    const json_t *array = status->section[which], *item;
    const char *heading = sections[which].heading;
    struct kms_table table;
    size_t i;
    bool ok = true;

    if (json_array_size(array) == 0 && which != SECTION_PARTS) {
        return true;
    }
    kms_table_init(&table, 3);
    json_array_foreach(array, i, item)
    {
        add_row(&table, kms_asking_state(item), kms_asking_text(item, sections[which].item),
                kms_asking_text(item, "text"), kms_asking_text(item, "next-step"));
    }
    if (which == SECTION_PARTS) {
        add_hosts_row(&table, status->hosts);
    } else {
        ok = kms_buf_add_str(out, "\n") == KMS_OK &&
             kms_colour_add(out, style->colours, KMS_COLOUR_BOLD, heading) == KMS_OK &&
             kms_buf_add_str(out, "\n") == KMS_OK;
    }
    ok = ok && kms_table_render(&table, 2, 0, style->colours, out) == KMS_OK;
    kms_table_done(&table);
    return ok;
}

/* Only the youngest alarms are named. */
static bool render_more_alarms(const struct status *status, struct kms_buf *out)
{
    int64_t count = 0, named = (int64_t)json_array_size(status->section[SECTION_ALARMS]);

    (void)kms_asking_number(status->alarms, "count", &count);
    return count <= named ||
           kms_buf_addf(out,
                        "  and %lld older: snmptable -v2c -c public -M +" KMSMON_MIB_FOLDERS
                        " -m KMSMON-MIB localhost kmsmonAlarmTable\n",
                        (long long)(count - named)) == KMS_OK;
}

/* Only the worst hosts are named. */
static bool render_more_hosts(const struct status *status, struct kms_buf *out)
{
    int64_t more = not_ok_count(status) - (int64_t)json_array_size(status->section[SECTION_HOSTS]);

    return more <= 0 ||
           kms_buf_addf(out, "  and %lld more: kmsmon show\n", (long long)more) == KMS_OK;
}

static bool render_text(const struct status *status, const struct kms_listing_style *style,
                        struct kms_buf *out)
{
    bool ok = render_head(status, style, out);

    for (size_t i = 0; i < SECTIONS && ok; i++) {
        ok = render_section(status, (enum section)i, style, out);
        if (ok && i == SECTION_HOSTS) {
            ok = render_more_hosts(status, out);
        }
        if (ok && i == SECTION_ALARMS) {
            ok = render_more_alarms(status, out);
        }
    }
    return ok;
}

/* ---- the command ---- */

static int show(const struct kms_asking_options *options)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    struct status status = {.well = true,
                            .agent = json_object(),
                            .hosts = json_object(),
                            .alarms = json_pack("{s:i}", "count", 0)};
    struct kms_buf out;
    int code;

    for (size_t i = 0; i < SECTIONS; i++) {
        status.section[i] = json_array();
    }
    code = kms_asking_run(&form, options, json_pack("{s:s}", "command", form.name), add_item,
                          &status);
    kms_buf_init(&out, KMS_ASKING_OUTPUT_MAX);
    if (code == KMS_ASKING_OK) {
        bool ok = options->json ? render_json(&status, &out) : render_text(&status, &style, &out);
        code = ok ? kms_form_print(&form, &out, status.well ? KMS_ASKING_OK : KMS_ASKING_NOT_OK)
                  : kms_form_no_memory(&form);
    }
    kms_buf_done(&out);
    for (size_t i = 0; i < SECTIONS; i++) {
        json_decref(status.section[i]);
    }
    json_decref(status.agent);
    json_decref(status.hosts);
    json_decref(status.alarms);
    return code;
}

void kms_command_status_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_status(int argc, char **argv)
{
    struct kms_asking_options options = {.json = false};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        code = rest < argc ? kms_form_mistake(&form, "takes no arguments") : show(&options);
    }
    kms_opts_free_values(rows, &options);
    return code;
}
