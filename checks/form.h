/* What every command of kmsmon has in common: its options are read, its help is printed, a mistake
 * is named, and its output is written. */
#ifndef KMS_CHECKS_FORM_H
#define KMS_CHECKS_FORM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/opt.h"

#define KMS_FORM_OK    0
#define KMS_FORM_USAGE 2
/* What a shell says of a program that SIGPIPE ended. */
#define KMS_FORM_NOBODY (128 + SIGPIPE)

struct kms_form {
    const char *name;           /* "status" */
    const char *purpose;        /* lines, the last one without its end */
    const char *usage;          /* lines, each with its end */
    const char *note;           /* lines behind the options: what the exit codes mean */
    const struct kms_opt *rows; /* of the command's struct of options */
    size_t help;                /* offset in it of the bool that --help sets */
    int failed;                 /* exit code when memory runs out or nothing can be written */
};

/* Reads the options. False: the command is over, with the exit code in ret_code. The values of
 * options are to be freed with kms_opts_free_values in any case. ret_rest: the first argument that
 * is no option. */
bool kms_form_begin(const struct kms_form *form, int argc, char **argv, void *options,
                    int *ret_rest, int *ret_code);
/* Says on stderr what is wrong with the arguments. KMS_FORM_USAGE. */
int kms_form_mistake(const struct kms_form *form, const char *message);
/* Says so on stderr; the message may hold text of others. */
void kms_form_complain(const struct kms_form *form, const char *message);
int kms_form_no_memory(const struct kms_form *form);
/* Writes what is in out. The exit code; form->failed when it cannot be written, and
 * KMS_FORM_NOBODY, without a word, when nobody reads it: 'kmsmon show | head'. */
int kms_form_print(const struct kms_form *form, const struct kms_buf *out, int code);
/* The rows of --help. */
void kms_form_options_help(const struct kms_form *form, void (*line)(void *arg, const char *text),
                           void *arg);

#endif
