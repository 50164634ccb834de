/* The option part of --help, a line or two for each row. */
#include "base/opt_parts.h"

#include <string.h>

#include "base/text.h"

enum { HELP_WIDTH = 79, HELP_COLUMN = 28 };

static bool on_command_line(const struct kms_opt *opt)
{
    return opt->long_opt || opt->short_opt;
}

static const char *arg_name(const struct kms_opt *opt)
{
    if (opt->arg) {
        return opt->arg;
    }
    switch (opt->type) {
    case KMS_OPT_UINT:
        return "NUMBER";
    case KMS_OPT_PORT:
        return "PORT";
    case KMS_OPT_DURATION:
        return "DURATION";
    case KMS_OPT_BYTES:
        return "SIZE";
    case KMS_OPT_CHOICE:
        return "WORD";
    case KMS_OPT_SET:
        return "LIST";
    default:
        return "TEXT";
    }
}

static void help_left(const struct kms_opt *opt, char *dst, size_t size)
{
    dst[0] = '\0';
    if (opt->short_opt) {
        kms_text_append(dst, size, "  -%c%s", opt->short_opt, opt->long_opt ? ", " : "");
    } else {
        kms_text_append(dst, size, "      ");
    }
    if (opt->long_opt) {
        kms_text_append(dst, size, "--%s", opt->long_opt);
    }
    if (kms_opt_takes_value(opt)) {
        const char *before = opt->alone ? "[=" : opt->long_opt ? "=" : " ";
        kms_text_append(dst, size, "%s%s%s", before, arg_name(opt), opt->alone ? "]" : "");
    }
}

static void help_text(const struct kms_opt *opt, char *dst, size_t size)
{
    kms_text_copy(dst, size, opt->help ? opt->help : "");
    if ((opt->type == KMS_OPT_CHOICE || opt->type == KMS_OPT_SET) && !opt->arg) {
        kms_text_append(dst, size, ": ");
        kms_opt_append_choices(opt, ", ", dst, size);
    }
    if (opt->preset && kms_opt_takes_value(opt)) {
        kms_text_append(dst, size, " (default %s)", opt->preset);
    }
}

/* How much of the text fits one line: up to the last blank, or all of it cut where no blank helps.
 */
static size_t fitting(const char *text, size_t width)
{
    size_t len = strlen(text);
    if (len <= width) {
        return len;
    }
    for (size_t cut = width; cut > 0; cut--) {
        if (text[cut] == ' ') {
            return cut;
        }
    }
    return width;
}

static void help_row(const struct kms_opt *opt, void (*line)(void *arg, const char *text),
                     void *arg)
{
    char out[HELP_WIDTH + 1];
    help_left(opt, out, sizeof out);
    char text[512];
    help_text(opt, text, sizeof text);
    if (strlen(out) + 2 > HELP_COLUMN) {
        line(arg, out);
        out[0] = '\0';
    }
    for (const char *at = text; *at; out[0] = '\0') {
        size_t len = fitting(at, HELP_WIDTH - HELP_COLUMN);
        kms_text_append(out, sizeof out, "%*s%.*s", HELP_COLUMN - (int)strlen(out), "", (int)len,
                        at);
        line(arg, out);
        at += len;
        at += strspn(at, " ");
    }
    if (out[0]) {
        line(arg, out);
    }
}

void kms_opts_help(const struct kms_opt *opts, void (*line)(void *arg, const char *text), void *arg)
{
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++) {
        if (on_command_line(opt)) {
            help_row(opt, line, arg);
        }
    }
}
