/* kmsmon show: what the running daemon knows of its hosts. */
#include "command.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "asked_host.h"
#include "asking.h"

static const struct kms_opt rows[] = {
    KMS_ASKING_JSON("print a JSON array with an object a host"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "show",
    .purpose = "Shows what the running kmsmond knows of its hosts: all of them, a row each, or "
               "everything\nabout those that are named.",
    .usage = "Usage: kmsmon show [--json] [--socket PATH] [HOST ...]\n",
    .note = "HOST is a host's name, its address, or the beginning of its name up to a dot.\n"
            "Exit: 0 all shown are ok, 1 one is not, 2 wrong usage, 3 no answer from kmsmond.\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

struct showing {
    const struct kms_asking_options *options;
    struct kms_listing_style style;
    bool details, well;
    size_t count;
    struct kms_table table;
    struct kms_buf out;
};

static bool add_json(struct showing *showing, const json_t *host)
{
    char *text = json_dumps(host, JSON_COMPACT | JSON_PRESERVE_ORDER);
    bool ok = text != NULL &&
              kms_buf_addf(&showing->out, "%s\n ", showing->count > 1 ? "," : "") == KMS_OK &&
              kms_buf_add_str(&showing->out, text) == KMS_OK;

    free(text);
    return ok;
}

static bool add_host(void *arg, const struct json_t *host)
{
    struct showing *showing = arg;

    showing->count++;
    if (kms_asking_state(host) != KMS_STATE_OK) {
        showing->well = false;
    }
    if (showing->options->json) {
        return add_json(showing, host);
    }
    if (!showing->details) {
        kms_asked_hosts_add(&showing->table, host, showing->style.width > 0);
        return true;
    }
    return (showing->count == 1 || kms_buf_add_str(&showing->out, "\n") == KMS_OK) &&
           kms_asked_host_details(host, &showing->style, &showing->out) == KMS_OK;
}

static bool finish(struct showing *showing)
{
    if (showing->options->json) {
        return kms_buf_add_str(&showing->out, showing->count > 0 ? "\n]\n" : "]\n") == KMS_OK;
    }
    if (showing->details) {
        return true;
    }
    if (showing->count == 0) {
        return kms_buf_add_str(&showing->out, "no host is watched\n") == KMS_OK;
    }
    return kms_table_render(&showing->table, 0, showing->style.width, showing->style.colours,
                            &showing->out) == KMS_OK;
}

static int show(const struct kms_asking_options *options, int argc, char **argv, int rest)
{
    struct showing showing = {.options = options,
                              .style = kms_listing_style_of(STDOUT_FILENO),
                              .details = rest < argc,
                              .well = true};
    int code;

    kms_buf_init(&showing.out, KMS_ASKING_OUTPUT_MAX);
    kms_asked_hosts_init(&showing.table);
    if (options->json) {
        (void)kms_buf_add_str(&showing.out, "[");
    }
    code = kms_asking_run(&form, options, kms_asking_request(&form, argc, argv, rest), add_host,
                          &showing);
    if (code == KMS_ASKING_OK) {
        code = finish(&showing) ? kms_form_print(&form, &showing.out,
                                                 showing.well ? KMS_ASKING_OK : KMS_ASKING_NOT_OK)
                                : kms_form_no_memory(&form);
    }
    kms_table_done(&showing.table);
    kms_buf_done(&showing.out);
    return code;
}

void kms_command_show_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_show(int argc, char **argv)
{
    struct kms_asking_options options = {.json = false};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        code = show(&options, argc, argv, rest);
    }
    kms_opts_free_values(rows, &options);
    return code;
}
