/* Option rows: one row is a configuration key, a command-line option, a line of --help and of the
 * man page. */
#ifndef KMS_BASE_OPT_H
#define KMS_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum kms_opt_type {
    KMS_OPT_FLAG,     /* bool; no value on the command line; yes/no in a file */
    KMS_OPT_TEXT,     /* char *, heap, freed by kms_opts_free_values */
    KMS_OPT_UINT,     /* int64_t, min..max */
    KMS_OPT_PORT,     /* int64_t, 1..65535 */
    KMS_OPT_DURATION, /* int64_t milliseconds, min..max in milliseconds; "90s" */
    KMS_OPT_BYTES,    /* int64_t, min..max; "8M" */
    KMS_OPT_CHOICE,   /* int64_t, one of choices */
    KMS_OPT_SET,   /* uint64_t bit mask of choices: {"server", "client"} in a file, server,client in
                      argv */
    KMS_OPT_TEXTS, /* struct kms_texts (base/texts.h), freed by kms_opts_free_values: "a" or
                      {"a", "b"} in a file; in argv every use adds one. The preset is one text; what
                      is given replaces it where the row says where "was given" is. */
    KMS_OPT_COUNT  /* int64_t, counted up to max: -v -v */
};

struct kms_opt_choice {
    const char *word; /* NULL ends the list */
    int64_t number;   /* for KMS_OPT_SET the bit number */
};

struct kms_opt {
    const char
        *section; /* configuration block it belongs to ("", "host", "host.report"); NULL: no key */
    const char *key; /* "max-age"; also the long option --max-age unless long_opt says otherwise */
    const char *long_opt; /* NULL: no command-line option */
    char short_opt;       /* 0: none */
    enum kms_opt_type type;
    size_t offset;       /* of the value in the caller's struct */
    size_t given_offset; /* of a bool "was given" in that struct; KMS_OPT_NO_GIVEN: not wanted */
    int64_t min, max;    /* 0, 0: any */
    const char *preset;  /* default as text, NULL: none */
    const char *alone;   /* value of a long option that stands without one, --agent beside
                            --agent=PATH; NULL: it needs one. Not together with short_opt */
    const struct kms_opt_choice *choices;
    const char *arg;  /* "FILE|-|URL", for --help */
    const char *help; /* one line; the man pages carry the long version */
};
#define KMS_OPT_NO_GIVEN ((size_t)-1)

/* Ends a table. */
/* clang-format off */
#define KMS_OPT_END {0}
/* clang-format on */
bool kms_opt_is_end(const struct kms_opt *opt);

/* Writes every row's preset into the struct at base (which the caller zeroed). */
enum kms_status kms_opts_preset(const struct kms_opt *opts, void *base);
/* Frees KMS_OPT_TEXT and KMS_OPT_TEXTS values and leaves NULL and empty lists. */
void kms_opts_free_values(const struct kms_opt *opts, void *base);

/* Reads text as the row's type into base. On failure the fault says what is wrong and what is
 * allowed: "max-age: 'soon' is not a duration; allowed: a number with ms, s, m, h, d or w (without
 * a unit seconds)". A KMS_OPT_TEXTS gets one text more. */
enum kms_status kms_opt_apply(const struct kms_opt *opt, const char *text, void *base,
                              struct kms_fault *fault);
/* Adds one word of a KMS_OPT_SET. Where the row says where "was given" is, the first word replaces
 * the preset. */
enum kms_status kms_opt_apply_word(const struct kms_opt *opt, const char *word, void *base,
                                   struct kms_fault *fault);
/* What the row allows, for messages and pages: "a whole number, 0 to 1000". */
void kms_opt_allowed(const struct kms_opt *opt, char *dst, size_t size);
/* The current value as the configuration file writes it (quotes included where needed). */
void kms_opt_print(const struct kms_opt *opt, const void *base, char *dst, size_t size);

/* Reads argv against the rows that have a long_opt or a short_opt. Positional arguments end up in
 * ret_rest (an index into argv of the first one; all of them are moved behind the options, as
 * getopt_long does). On failure the fault names the option. */
enum kms_status kms_opts_argv(const struct kms_opt *opts, int argc, char **argv, void *base,
                              int *ret_rest, struct kms_fault *fault);
/* The option part of --help: aligned, one or two lines a row, at most 80 columns. */
void kms_opts_help(const struct kms_opt *opts, void (*line)(void *arg, const char *text),
                   void *arg);

#endif
