/* Reads what the command lines of all plugins have in common. */
#include "arguments.h"

#include "base/text.h"
#include "vocab/vocab.h"

const struct kms_opt_choice kms_state_choices[] = {
    {"ok", KMS_STATE_OK},
    {"warning", KMS_STATE_WARNING},
    {"critical", KMS_STATE_CRITICAL},
    {"unknown", KMS_STATE_UNKNOWN},
    {NULL, 0},
};

const struct kms_opt_choice kms_class_choices[] = {
    {"client", KMS_CLASS_CLIENT},
    {"server", KMS_CLASS_SERVER},
    {"office2010", KMS_CLASS_OFFICE2010},
    {"office", KMS_CLASS_OFFICE},
    {NULL, 0},
};

bool kms_arguments_read(const struct kms_opt *rows, int argc, char **argv, void *options,
                        int *ret_rest, char *why, size_t size)
{
    struct kms_fault fault = {.text = ""};

    if (kms_opts_preset(rows, options) != KMS_OK) {
        kms_text_copy(why, size, "out of memory");
        return false;
    }
    if (kms_opts_argv(rows, argc, argv, options, ret_rest, &fault) != KMS_OK) {
        kms_text_copy(why, size, fault.text);
        return false;
    }
    return true;
}

bool kms_arguments_end(int argc, char **argv, int rest, const char *agent, const char *instead,
                       char *why, size_t size)
{
    if (rest < argc && agent != NULL && agent[0] == '\0') {
        kms_text_format(why, size,
                        "'%s' is not an option; the socket of kmsmond is named with --agent=SOCKET",
                        argv[rest]);
    } else if (rest < argc) {
        kms_text_format(why, size, "'%s' is not an option; %s", argv[rest], instead);
    }
    return rest >= argc;
}

bool kms_arguments_range(const char *option, const char *text, struct kms_range *ret, char *why,
                         size_t size)
{
    enum kms_range_error error = text != NULL ? kms_range_parse(text, ret) : KMS_RANGE_OK;

    if (error != KMS_RANGE_OK) {
        kms_text_format(why, size, "%s '%s' %s", option, text, kms_range_error_text(error));
    }
    return error == KMS_RANGE_OK;
}
