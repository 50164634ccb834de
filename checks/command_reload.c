/* kmsmon reload: has the running daemon read its configuration again. */
#include "command.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "asking.h"
#include "base/text.h"

static const struct kms_opt rows[] = {
    KMS_ASKING_JSON("print one JSON object"),
    KMS_ASKING_SOCKET,
    KMS_ASKING_HELP,
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "reload",
    .purpose = "Has the running kmsmond read its configuration again, and says whether it is in "
               "force.",
    .usage = "Usage: kmsmon reload [--json] [--socket PATH]\n",
    .note =
        "A configuration with errors changes nothing: the one before stays in force.\n"
        "One without any host, after one with some, is in force with a WARNING.\n"
        "Exit: 0 it is in force, 1 it was rejected, 2 wrong usage, 3 no answer from kmsmond, or "
        "it refuses.\n",
    .rows = rows,
    KMS_ASKING_FORM,
};

struct reloading {
    bool json;
    bool answered, in_force;
    struct kms_buf out;
};

/* What is in force and was hardly meant. */
static bool add_warning(struct reloading *reloading, const json_t *item)
{
    const char *warning = kms_asking_text(item, "warning");
    const char *next = kms_asking_text(item, "next-step");

    return warning[0] == '\0' ||
           kms_buf_addf(&reloading->out, "WARNING: %s\n  next step: %s\n", warning, next) == KMS_OK;
}

/* Errors are for standard error, as 'kmsmond -t' has them. */
static bool add_text(struct reloading *reloading, const json_t *item)
{
    const json_t *errors = json_object_get(item, "errors"), *line;
    const char *text = kms_asking_text(item, "text");
    size_t i;

    json_array_foreach(errors, i, line)
    {
        char clean[1000];
        const char *error = json_string_value(line);
        kms_text_clean(clean, sizeof(clean), error != NULL ? error : "",
                       error != NULL ? strlen(error) : 0);
        (void)fprintf(stderr, "%s\n", clean);
    }
    if (!reloading->in_force) {
        (void)fprintf(stderr, "kmsmon reload: the configuration was rejected; the one before stays "
                              "in force\n");
        return true;
    }
    return kms_buf_addf(&reloading->out, "in force%s%s\n", text[0] != '\0' ? ": " : "", text) ==
               KMS_OK &&
           add_warning(reloading, item);
}

static bool add_item(void *arg, const struct json_t *item)
{
    struct reloading *reloading = arg;
    char *text = NULL;
    bool ok;

    reloading->answered = true;
    reloading->in_force = json_is_true(json_object_get(item, "in-force"));
    if (!reloading->json) {
        return add_text(reloading, item);
    }
    text = json_dumps(item, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    ok = text != NULL && kms_buf_addf(&reloading->out, "%s\n", text) == KMS_OK;
    free(text);
    return ok;
}

static int reload(const struct kms_asking_options *options)
{
    struct reloading reloading = {.json = options->json};
    int code;

    kms_buf_init(&reloading.out, KMS_ASKING_OUTPUT_MAX);
    code = kms_asking_run(&form, options, json_pack("{s:s}", "command", form.name), add_item,
                          &reloading);
    if (code == KMS_ASKING_OK) {
        code = reloading.answered && reloading.in_force ? KMS_ASKING_OK : KMS_ASKING_NOT_OK;
        code = kms_form_print(&form, &reloading.out, code);
    }
    kms_buf_done(&reloading.out);
    return code;
}

void kms_command_reload_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_reload(int argc, char **argv)
{
    struct kms_asking_options options = {.json = false};
    int rest = argc, code = KMS_ASKING_OK;

    if (kms_form_begin(&form, argc, argv, &options, &rest, &code)) {
        code = rest < argc ? kms_form_mistake(&form, "takes no arguments") : reload(&options);
    }
    kms_opts_free_values(rows, &options);
    return code;
}
