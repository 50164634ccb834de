/* Prints whole texts of a plugin to standard output. */
#include "say.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

#define EXIT_UNKNOWN 3
#define TEXT_MAX     ((size_t)1 << 20)

/* A state that nobody can read is no state: the monitoring system must not take silence for OK. */
static int print_text(struct kms_buf *text, int code)
{
    bool whole = text->len > 0 && fwrite(text->data, 1, text->len, stdout) == text->len;

    kms_buf_done(text);
    return whole && fflush(stdout) == 0 ? code : EXIT_UNKNOWN;
}

int kms_say_no_memory(void)
{
    (void)puts("KMS UNKNOWN: out of memory");
    return EXIT_UNKNOWN;
}

int kms_say_result(const struct kms_output *out, enum kms_state state)
{
    struct kms_buf text;

    kms_buf_init(&text, TEXT_MAX);
    if (kms_output_render(out, state, &text) != KMS_OK) {
        kms_buf_done(&text);
        return kms_say_no_memory();
    }
    return print_text(&text, kms_state_exit(state));
}

static void add_line(void *arg, const char *line)
{
    (void)kms_buf_addf(arg, "%s\n", line);
}

static void add_usage(const struct kms_plugin *plugin, struct kms_buf *text)
{
    (void)kms_buf_addf(text, "Usage: %s %s\n", plugin->name, plugin->usage);
}

int kms_say_mistake(const struct kms_plugin *plugin, const char *message)
{
    struct kms_buf text;
    char clean[400];

    kms_text_clean(clean, sizeof(clean), message, strlen(message));
    kms_buf_init(&text, TEXT_MAX);
    (void)kms_buf_addf(&text, "KMS UNKNOWN: usage: %s\n", clean);
    add_usage(plugin, &text);
    (void)kms_buf_addf(&text, "Try '%s --help' for all options.\n", plugin->name);
    return print_text(&text, EXIT_UNKNOWN);
}

int kms_say_help(const struct kms_plugin *plugin, const struct kms_opt *rows)
{
    struct kms_buf text;

    kms_buf_init(&text, TEXT_MAX);
    (void)kms_buf_addf(&text, "%s\n\n", plugin->purpose);
    add_usage(plugin, &text);
    add_line(&text, "");
    kms_opts_help(rows, add_line, &text);
    (void)kms_buf_addf(&text, "\n%s\n", plugin->note);
    (void)kms_buf_addf(&text, "Exit: 0 ok, 1 warning, 2 critical, 3 unknown. See %s(1).\n",
                       plugin->name);
    return print_text(&text, EXIT_UNKNOWN);
}

int kms_say_version(const struct kms_plugin *plugin)
{
    struct kms_buf text;

    kms_buf_init(&text, TEXT_MAX);
    (void)kms_buf_addf(&text, "%s (kmsmon) %s\n", plugin->name, KMSMON_VERSION);
    return print_text(&text, EXIT_UNKNOWN);
}
