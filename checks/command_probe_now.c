/* kmsmon probe-now: has the running daemon ask hosts at once, and shows what came. */
#include "command.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "asked_host.h"
#include "asking.h"
#include "base/text.h"
#include "table.h"

static const struct kms_opt rows[] = {
    {KMS_ASKING_ROW("all", 'a', KMS_OPT_FLAG, kms_asking_options, all),
     .help = "ask all hosts, as fast as the bounds allow, and print a summary"},
    KMS_ASKING_JSON("print one JSON object: hosts and summary"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "probe-now",
    .purpose = "Has the running kmsmond ask hosts now, waits for the answers, and shows what came.",
    .usage = "Usage: kmsmon probe-now [--json] [--socket PATH] HOST ...\n"
             "       kmsmon probe-now [--json] [--socket PATH] --all\n",
    .note =
        "Activation requests are left out: they have an interval of their own.\n"
        "Exit: 0 all hosts asked are ok, 1 one is not, 2 wrong usage, 3 no answer from kmsmond, "
        "or it\nrefuses: see operators in the block control of kmsmon.conf(5).\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

struct probing {
    const struct kms_asking_options *options;
    struct kms_listing_style style;
    bool terminal; /* standard error is one: a line is kept */
    bool progress; /* something stands in that line */
    json_t *hosts, *summary;
    struct kms_buf out;
};

static void show_progress(struct probing *probing, const json_t *item)
{
    int64_t ended = 0, polls = 0, flying = 0;

    (void)kms_asking_number(item, "ended", &ended);
    (void)kms_asking_number(item, "polls", &polls);
    (void)kms_asking_number(item, "in-flight", &flying);
    if (probing->options->all) {
        (void)fprintf(stderr, "%s%lld of %lld sources answered, %lld are being asked%s",
                      probing->terminal ? "\r" : "", (long long)ended, (long long)polls,
                      (long long)flying, probing->terminal ? " " : "\n");
    } else {
        (void)fprintf(stderr, "%swaiting for answers%s", probing->terminal ? "\r" : "",
                      probing->terminal ? " " : "\n");
    }
    (void)fflush(stderr);
    probing->progress = probing->terminal;
}

static bool add_item(void *arg, const struct json_t *item)
{
    struct probing *probing = arg;
    const char *kind = kms_asking_text(item, "item");

    if (kms_text_equal(kind, "progress")) {
        show_progress(probing, item);
        return true;
    }
    if (kms_text_equal(kind, "summary")) {
        json_decref(probing->summary);
        probing->summary = json_deep_copy(item);
        return probing->summary != NULL && json_object_del(probing->summary, "item") == 0;
    }
    if (probing->options->json) {
        return json_array_append(probing->hosts, (json_t *)item) == 0;
    }
    return kms_asked_host_sources(item, &probing->style, &probing->out) == KMS_OK;
}

/* ---- summary ---- */

static void wall_text(const json_t *summary, char *dst, size_t size)
{
    int64_t wall_us = 0;

    (void)kms_asking_number(summary, "wall-us", &wall_us);
    kms_text_format(dst, size, "%lld.%03lld s", (long long)(wall_us / 1000000),
                    (long long)(wall_us / 1000 % 1000));
}

static void add_outcome(struct kms_table *table, const json_t *met)
{
    bool good = json_is_true(json_object_get(met, "good"));
    const char *next = kms_asking_text(met, "next-step");
    int64_t count = 0;
    char text[32], line[460];

    (void)kms_asking_number(met, "count", &count);
    kms_text_format(text, sizeof(text), "%lld", (long long)count);
    kms_table_add(table, KMS_COLOUR_NONE, text);
    kms_table_add(table, KMS_COLOUR_NONE, kms_asking_text(met, "source"));
    kms_table_add(table, good ? KMS_COLOUR_GREEN : KMS_COLOUR_RED, kms_asking_text(met, "outcome"));
    kms_table_add(table, KMS_COLOUR_NONE, good ? "" : kms_asking_text(met, "text"));
    if (next[0] != '\0') {
        kms_text_format(line, sizeof(line), "next step: %s", next);
        for (int i = 0; i < 3; i++) {
            kms_table_add(table, KMS_COLOUR_NONE, "");
        }
        kms_table_add(table, KMS_COLOUR_NONE, line);
    }
}

static bool render_summary(struct probing *probing)
{
    const struct kms_word_set *states = kms_words_state();
    const json_t *met;
    struct kms_table table;
    int64_t hosts = 0, of = 0, polls = 0;
    char wall[40];
    size_t at;
    bool ok;

    (void)kms_asking_number(probing->summary, "hosts", &hosts);
    (void)kms_asking_number(probing->summary, "polls", &polls);
    wall_text(probing->summary, wall, sizeof(wall));
    ok = kms_buf_addf(&probing->out, "%lld host%s, %lld poll%s in %s:", (long long)hosts,
                      kms_text_plural((uint64_t)hosts), (long long)polls,
                      kms_text_plural((uint64_t)polls), wall) == KMS_OK;
    for (size_t i = 0; i < states->count; i++) {
        if (ok && kms_asking_number(probing->summary, states->words[i].label, &of) && of > 0) {
            ok = kms_buf_addf(&probing->out, " %lld %s", (long long)of, states->words[i].label) ==
                 KMS_OK;
        }
    }
    kms_table_init(&table, 4);
    table.right[0] = true;
    json_array_foreach(json_object_get(probing->summary, "outcomes"), at, met)
    {
        add_outcome(&table, met);
    }
    ok = ok && kms_buf_add_str(&probing->out, "\n") == KMS_OK &&
         kms_table_render(&table, 2, 0, probing->style.colours, &probing->out) == KMS_OK;
    kms_table_done(&table);
    return ok;
}

static bool render_json(struct probing *probing)
{
    json_t *all = json_object();
    char *text = NULL;
    bool ok = all != NULL && json_object_set(all, "hosts", probing->hosts) == 0 &&
              json_object_set(all, "summary", probing->summary) == 0;

    text = ok ? json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    ok = text != NULL && kms_buf_addf(&probing->out, "%s\n", text) == KMS_OK;
    free(text);
    json_decref(all);
    return ok;
}

static bool render(struct probing *probing)
{
    char wall[40];

    if (probing->options->json) {
        return render_json(probing);
    }
    if (probing->options->all) {
        return render_summary(probing);
    }
    wall_text(probing->summary, wall, sizeof(wall));
    return kms_buf_addf(&probing->out, "\nasked and answered in %s\n", wall) == KMS_OK;
}

static int judge(const struct probing *probing)
{
    int64_t hosts = 0, well = 0;

    (void)kms_asking_number(probing->summary, "hosts", &hosts);
    (void)kms_asking_number(probing->summary, "ok", &well);
    return hosts == well ? KMS_ASKING_OK : KMS_ASKING_NOT_OK;
}

static json_t *request_of(const struct kms_asking_options *options, int argc, char **argv, int rest)
{
    json_t *request = kms_asking_request(&form, argc, argv, rest);

    if (request != NULL && options->all && json_object_set_new(request, "all", json_true()) != 0) {
        json_decref(request);
        return NULL;
    }
    return request;
}

static int probe_now(const struct kms_asking_options *options, int argc, char **argv, int rest)
{
    struct probing probing = {.options = options,
                              .style = kms_listing_style_of(STDOUT_FILENO),
                              .terminal = isatty(STDERR_FILENO) == 1,
                              .hosts = json_array(),
                              .summary = json_object()};
    int code;

    kms_buf_init(&probing.out, KMS_ASKING_OUTPUT_MAX);
    code = kms_asking_run(&form, options, request_of(options, argc, argv, rest), add_item,
                          &probing);
    if (probing.progress) {
        (void)fputs("\r\x1b[K", stderr);
    }
    if (code == KMS_ASKING_OK) {
        code = render(&probing) ? kms_form_print(&form, &probing.out, judge(&probing))
                                : kms_form_no_memory(&form);
    }
    json_decref(probing.hosts);
    json_decref(probing.summary);
    kms_buf_done(&probing.out);
    return code;
}

void kms_command_probe_now_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_probe_now(int argc, char **argv)
{
    struct kms_asking_options options = {.json = false};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        if (options.all == (rest < argc)) {
            code = kms_form_mistake(&form,
                                    options.all ? "--all goes without HOST" : "no host is named");
        } else {
            code = probe_now(&options, argc, argv, rest);
        }
    }
    kms_opts_free_values(rows, &options);
    return code;
}
