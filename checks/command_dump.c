/* kmsmon dump: everything that the sources of the running daemon told and what it looked up in DNS,
 * as text that 'kmsmond --simulate' plays again. */
#include "command.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "asking.h"
#include "base/clock.h"
#include "base/text.h"

static const struct kms_opt rows[] = {
    KMS_ASKING_JSON("print a JSON array with all that 'kmsmon show HOST' knows of each"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "dump",
    .purpose = "Prints what the sources of the running kmsmond told, and the domains as they were "
               "looked up, as\ntext that can be edited and played again with 'kmsmond --simulate'.",
    .usage = "Usage: kmsmon dump [--json] [--socket PATH] [HOST ...]\n",
    .note = "Without HOST all of them, and all domains.\n"
            "Exit: 0 all is printed, 2 wrong usage, 3 no answer from kmsmond.\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

struct dumping {
    bool json;
    size_t count;
    struct kms_buf out;
};

/* Times of the text are seconds since 1970, so when it was printed is told in the same way. */
static bool begin(struct dumping *dumping)
{
    struct kms_clock clock = kms_clock_system();
    int64_t now_s = kms_clock_wall_s(&clock);
    char date[32];

    if (dumping->json) {
        return kms_buf_add_str(&dumping->out, "[") == KMS_OK;
    }
    kms_date_text(date, sizeof(date), now_s);
    return kms_buf_addf(&dumping->out, "# kmsmon dump of %s UTC (%lld)\n", date,
                        (long long)now_s) == KMS_OK;
}

static bool add_host(void *arg, const struct json_t *item)
{
    struct dumping *dumping = arg;
    char *text = dumping->json ? json_dumps(item, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    const char *shown = dumping->json ? text : kms_asking_text(item, "text");
    bool ok = shown != NULL;

    dumping->count++;
    if (dumping->json) {
        ok = ok && kms_buf_add_str(&dumping->out, dumping->count > 1 ? ",\n " : "\n ") == KMS_OK;
    }
    ok = ok && kms_buf_add_str(&dumping->out, shown) == KMS_OK;
    free(text);
    return ok;
}

static json_t *request_of(const struct dumping *dumping, int argc, char **argv, int rest)
{
    json_t *request = kms_asking_request(&form, argc, argv, rest);

    if (request != NULL && dumping->json &&
        (json_object_set_new(request, "command", json_string("show")) != 0 ||
         json_object_set_new(request, "details", json_true()) != 0)) {
        json_decref(request);
        return NULL;
    }
    return request;
}

static int dump(const struct kms_asking_options *options, int argc, char **argv, int rest)
{
    struct dumping dumping = {.json = options->json};
    int code;
    bool ok;

    kms_buf_init(&dumping.out, KMS_ASKING_OUTPUT_MAX);
    ok = begin(&dumping);
    code = kms_asking_run(&form, options, ok ? request_of(&dumping, argc, argv, rest) : NULL,
                          add_host, &dumping);
    if (code == KMS_ASKING_OK) {
        ok = !options->json || kms_buf_add_str(&dumping.out, "\n]\n") == KMS_OK;
        code = ok ? kms_form_print(&form, &dumping.out, KMS_ASKING_OK) : kms_form_no_memory(&form);
    }
    kms_buf_done(&dumping.out);
    return code;
}

void kms_command_dump_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_dump(int argc, char **argv)
{
    struct kms_asking_options options = {.json = false};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        code = dump(&options, argc, argv, rest);
    }
    kms_opts_free_values(rows, &options);
    return code;
}
