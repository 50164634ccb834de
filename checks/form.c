/* How every command of kmsmon begins, complains and ends. */
#include "form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void print_line(void *arg, const char *text)
{
    (void)fprintf(arg, "%s\n", text);
}

static int print_help(const struct kms_form *form)
{
    (void)printf("%s\n\n%s\n", form->purpose, form->usage);
    kms_opts_help(form->rows, print_line, stdout);
    (void)printf("\n%s", form->note);
    if (fflush(stdout) == 0) {
        return KMS_FORM_OK;
    }
    return errno == EPIPE ? KMS_FORM_NOBODY : form->failed;
}

bool kms_form_begin(const struct kms_form *form, int argc, char **argv, void *options,
                    int *ret_rest, int *ret_code)
{
    const bool *help = (const bool *)((const char *)options + form->help);
    struct kms_fault fault = {.text = ""};

    if (kms_opts_preset(form->rows, options) != KMS_OK) {
        *ret_code = kms_form_no_memory(form);
        return false;
    }
    if (kms_opts_argv(form->rows, argc, argv, options, ret_rest, &fault) != KMS_OK) {
        *ret_code = kms_form_mistake(form, fault.text);
        return false;
    }
    if (*help) {
        *ret_code = print_help(form);
        return false;
    }
    return true;
}

void kms_form_complain(const struct kms_form *form, const char *message)
{
    char clean[640];

    kms_text_clean(clean, sizeof(clean), message, strlen(message));
    (void)fprintf(stderr, "kmsmon %s: %s\n", form->name, clean);
}

int kms_form_mistake(const struct kms_form *form, const char *message)
{
    kms_form_complain(form, message);
    (void)fprintf(stderr, "%sTry 'kmsmon %s --help' for all options.\n", form->usage, form->name);
    return KMS_FORM_USAGE;
}

int kms_form_no_memory(const struct kms_form *form)
{
    kms_form_complain(form, "out of memory");
    return form->failed;
}

int kms_form_print(const struct kms_form *form, const struct kms_buf *out, int code)
{
    if (fwrite(kms_buf_str(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0) {
        return code;
    }
    if (errno == EPIPE) {
        return KMS_FORM_NOBODY;
    }
    kms_form_complain(form, "the output could not be written");
    return form->failed;
}

void kms_form_options_help(const struct kms_form *form, void (*line)(void *arg, const char *text),
                           void *arg)
{
    kms_opts_help(form->rows, line, arg);
}
