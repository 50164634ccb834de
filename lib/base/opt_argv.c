/* Option rows in argv: each option read by its row, each mistake told in words. */
#include "base/opt_parts.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    LABEL_TEXT = 72,
    NAME_MAX_LEN = 63 /* longest option name that is compared for "did you mean" */
};

/* Rows are known to getopt_long by a code above every letter. */
enum { FIRST_CODE = 1000 };

static const struct kms_opt *row_of_code(const struct kms_opt *opts, int code)
{
    int at = FIRST_CODE;
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++, at++) {
        if (code == at || (opt->short_opt && code == opt->short_opt)) {
            return opt;
        }
    }
    return NULL;
}

static void option_label(const struct kms_opt *opt, char *dst, size_t size)
{
    if (opt->long_opt) {
        kms_text_format(dst, size, "--%s", opt->long_opt);
    } else {
        kms_text_format(dst, size, "-%c", opt->short_opt);
    }
}

/* ---- what is refused ---- */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions and changes between two names. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);
    if (len_a > NAME_MAX_LEN || len_b > NAME_MAX_LEN) {
        return SIZE_MAX;
    }
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[len_b];
}

static const struct kms_opt *nearest_option(const struct kms_opt *opts, const char *name)
{
    const struct kms_opt *best = NULL;
    size_t best_distance = strlen(name) / 3 + 2;
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++) {
        if (!opt->long_opt) {
            continue;
        }
        size_t distance = edit_distance(name, opt->long_opt);
        if (distance < best_distance) {
            best = opt;
            best_distance = distance;
        }
    }
    return best;
}

/* The name in "--name=value" without dashes and value. */
static void long_name(const char *arg, char *dst, size_t size)
{
    const char *name = arg + strspn(arg, "-");
    kms_text_clean(dst, size, name, strcspn(name, "="));
}

static enum kms_status refuse_ambiguous(const struct kms_opt *opts, const char *name,
                                        struct kms_fault *fault)
{
    char candidates[KMS_OPT_ALLOWED_TEXT] = "";
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++) {
        if (opt->long_opt && kms_text_starts(opt->long_opt, name)) {
            kms_text_append(candidates, sizeof candidates, "%s--%s", candidates[0] ? ", " : "",
                            opt->long_opt);
        }
    }
    if (!candidates[0]) {
        return KMS_OK;
    }
    return kms_fault_set(fault, KMS_EINVAL, 0, "--%s: not a unique option; allowed: %s", name,
                         candidates);
}

static enum kms_status refuse_unknown_long(const struct kms_opt *opts, const char *arg,
                                           struct kms_fault *fault)
{
    char name[LABEL_TEXT];
    long_name(arg, name, sizeof name);
    enum kms_status status = refuse_ambiguous(opts, name, fault);
    if (status != KMS_OK) {
        return status;
    }
    const struct kms_opt *near = nearest_option(opts, name);
    if (near) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "--%s: no such option; did you mean --%s?", name,
                             near->long_opt);
    }
    return kms_fault_set(fault, KMS_EINVAL, 0, "--%s: no such option; see --help", name);
}

/* getopt_long says '?' and leaves in optopt: 0 for an unknown or ambiguous long option, the row's
 * code for a value that is not wanted, the letter for an unknown short option. */
static enum kms_status refuse_option(const struct kms_opt *opts, char **argv,
                                     struct kms_fault *fault)
{
    if (optopt == 0) {
        return refuse_unknown_long(opts, argv[optind - 1], fault);
    }
    const struct kms_opt *opt = row_of_code(opts, optopt);
    if (opt) {
        char label[LABEL_TEXT];
        option_label(opt, label, sizeof label);
        return kms_fault_set(fault, KMS_EINVAL, 0, "%s: takes no value", label);
    }
    char letter[8];
    char raw = (char)optopt;
    kms_text_clean(letter, sizeof letter, &raw, 1);
    return kms_fault_set(fault, KMS_EINVAL, 0, "-%s: no such option; see --help", letter);
}

static enum kms_status refuse_missing_value(const struct kms_opt *opt, struct kms_fault *fault)
{
    char label[LABEL_TEXT];
    option_label(opt, label, sizeof label);
    char allowed[KMS_OPT_ALLOWED_TEXT];
    kms_opt_allowed(opt, allowed, sizeof allowed);
    return kms_fault_set(fault, KMS_EINVAL, 0, "%s: needs a value; allowed: %s", label, allowed);
}

/* ---- getopt_long ---- */

static enum kms_status take_option(const struct kms_opt *opt, const char *text, void *base,
                                   struct kms_fault *fault)
{
    char label[LABEL_TEXT];
    option_label(opt, label, sizeof label);
    return kms_opt_take(opt, label, text, base, fault);
}

/* The tables in getopt_long's own form, in one piece of memory each. */
struct getopt_tables {
    struct option *longs;
    char *shorts;
};

static bool build_tables(const struct kms_opt *opts, struct getopt_tables *tables)
{
    size_t rows = 0;
    while (!kms_opt_is_end(&opts[rows])) {
        rows++;
    }
    tables->longs = calloc(rows + 1, sizeof *tables->longs);
    tables->shorts = calloc(rows + 1, 2);
    if (!tables->longs || !tables->shorts) {
        return false;
    }
    struct option *next_long = tables->longs;
    char *next_short = tables->shorts;
    *next_short++ = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i < rows; i++) {
        bool value = kms_opt_takes_value(&opts[i]);
        if (opts[i].long_opt) {
            *next_long++ = (struct option){.name = opts[i].long_opt,
                                           .has_arg = !value          ? no_argument
                                                      : opts[i].alone ? optional_argument
                                                                      : required_argument,
                                           .val = FIRST_CODE + (int)i};
        }
        if (opts[i].short_opt) {
            *next_short++ = opts[i].short_opt;
            if (value) {
                *next_short++ = ':';
            }
        }
    }
    return true;
}

static enum kms_status read_options(const struct kms_opt *opts, const struct getopt_tables *tables,
                                    int argc, char **argv, void *base, struct kms_fault *fault)
{
    opterr = 0;
    optind = 0; /* glibc: start over, whatever an earlier call left behind */
    for (;;) {
        int code = getopt_long(argc, argv, tables->shorts, tables->longs, NULL);
        if (code == -1) {
            return KMS_OK;
        }
        if (code == '?') {
            return refuse_option(opts, argv, fault);
        }
        const struct kms_opt *opt = row_of_code(opts, code == ':' ? optopt : code);
        if (!opt) {
            return kms_fault_set(fault, KMS_EINVAL, 0, "no such option; see --help");
        }
        enum kms_status status = code == ':'
                                     ? refuse_missing_value(opt, fault)
                                     : take_option(opt, optarg ? optarg : opt->alone, base, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
}

enum kms_status kms_opts_argv(const struct kms_opt *opts, int argc, char **argv, void *base,
                              int *ret_rest, struct kms_fault *fault)
{
    struct getopt_tables tables = {0};
    enum kms_status status = build_tables(opts, &tables)
                                 ? read_options(opts, &tables, argc, argv, base, fault)
                                 : kms_fault_set(fault, KMS_ENOMEM, 0, "%s",
                                                 kms_status_text(KMS_ENOMEM));
    free(tables.longs);
    free(tables.shorts);
    if (status == KMS_OK) {
        *ret_rest = optind;
    }
    return status;
}
