/* What every option row can do: be read, be printed, be explained, and be found in argv. */
#include "base/opt.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/texts.h"

enum {
    SHOWN_VALUE = 48, /* bytes of a wrong value that a message repeats */
    ALLOWED_TEXT = 160,
    LABEL_TEXT = 72,
    NAME_MAX_LEN = 63, /* longest option name that is compared for "did you mean" */
    HELP_WIDTH = 79,
    HELP_COLUMN = 28
};

bool kms_opt_is_end(const struct kms_opt *opt)
{
    return !opt->section && !opt->key && !opt->long_opt && !opt->short_opt && !opt->help;
}

static int64_t *number_at(const struct kms_opt *opt, void *base)
{
    return (int64_t *)(void *)((char *)base + opt->offset);
}

static uint64_t *set_at(const struct kms_opt *opt, void *base)
{
    return (uint64_t *)(void *)((char *)base + opt->offset);
}

static bool *flag_at(const struct kms_opt *opt, void *base)
{
    return (bool *)(void *)((char *)base + opt->offset);
}

static char **text_at(const struct kms_opt *opt, void *base)
{
    return (char **)(void *)((char *)base + opt->offset);
}

static struct kms_texts *texts_at(const struct kms_opt *opt, void *base)
{
    return (struct kms_texts *)(void *)((char *)base + opt->offset);
}

static bool *given_at(const struct kms_opt *opt, void *base)
{
    return opt->given_offset == KMS_OPT_NO_GIVEN
               ? NULL
               : (bool *)(void *)((char *)base + opt->given_offset);
}

static void mark_given(const struct kms_opt *opt, void *base)
{
    bool *given = given_at(opt, base);
    if (given) {
        *given = true;
    }
}

static const char *label_of(const struct kms_opt *opt)
{
    return opt->key ? opt->key : opt->long_opt ? opt->long_opt : "option";
}

/* ---- what a row allows ---- */

static bool has_range(const struct kms_opt *opt)
{
    return opt->min != 0 || opt->max != 0;
}

/* min without max means "no upper limit". */
static int64_t upper_limit(const struct kms_opt *opt)
{
    return opt->max != 0 || opt->min < 0 ? opt->max : INT64_MAX;
}

static bool in_range(const struct kms_opt *opt, int64_t value)
{
    if (opt->type == KMS_OPT_PORT) {
        return value >= 1 && value <= 65535;
    }
    return value >= opt->min && value <= upper_limit(opt);
}

static void print_bytes(char *dst, size_t size, int64_t bytes)
{
    static const char units[] = "GMK";
    for (unsigned i = 0; i < 3; i++) {
        unsigned shift = 30 - 10 * i;
        if (bytes > 0 && bytes % (INT64_C(1) << shift) == 0) {
            kms_text_format(dst, size, "%lld%c", (long long)(bytes >> shift), units[i]);
            return;
        }
    }
    kms_text_format(dst, size, "%lld", (long long)bytes);
}

static void print_number(const struct kms_opt *opt, int64_t value, char *dst, size_t size)
{
    if (opt->type == KMS_OPT_DURATION) {
        kms_text_duration(dst, size, value);
    } else if (opt->type == KMS_OPT_BYTES) {
        print_bytes(dst, size, value);
    } else {
        kms_text_format(dst, size, "%lld", (long long)value);
    }
}

static void append_range(const struct kms_opt *opt, char *dst, size_t size)
{
    if (!has_range(opt)) {
        return;
    }
    char low[32];
    print_number(opt, opt->min, low, sizeof low);
    if (upper_limit(opt) == INT64_MAX) {
        kms_text_append(dst, size, ", %s or more", low);
        return;
    }
    char high[32];
    print_number(opt, opt->max, high, sizeof high);
    kms_text_append(dst, size, ", %s to %s", low, high);
}

static void append_choices(const struct kms_opt *opt, const char *between, char *dst, size_t size)
{
    for (const struct kms_opt_choice *c = opt->choices; c && c->word; c++) {
        kms_text_append(dst, size, "%s%s", c == opt->choices ? "" : between, c->word);
    }
}

void kms_opt_allowed(const struct kms_opt *opt, char *dst, size_t size)
{
    switch (opt->type) {
    case KMS_OPT_FLAG:
        kms_text_copy(dst, size, "yes or no");
        return;
    case KMS_OPT_TEXT:
        kms_text_copy(dst, size, "any text");
        return;
    case KMS_OPT_TEXTS:
        kms_text_copy(dst, size, "a text, or several as {\"a\", \"b\"}");
        return;
    case KMS_OPT_UINT:
    case KMS_OPT_COUNT:
        kms_text_copy(dst, size, "a whole number");
        append_range(opt, dst, size);
        return;
    case KMS_OPT_PORT:
        kms_text_copy(dst, size, "a port number, 1 to 65535");
        return;
    case KMS_OPT_DURATION:
        kms_text_copy(dst, size, "a number with ms, s, m, h, d or w (without a unit seconds)");
        append_range(opt, dst, size);
        return;
    case KMS_OPT_BYTES:
        kms_text_copy(dst, size, "a size such as 512K or 8M");
        append_range(opt, dst, size);
        return;
    case KMS_OPT_CHOICE:
        kms_text_copy(dst, size, "one of ");
        append_choices(opt, ", ", dst, size);
        return;
    case KMS_OPT_SET:
        kms_text_copy(dst, size, "any of ");
        append_choices(opt, ", ", dst, size);
        return;
    }
    dst[0] = '\0';
}

/* ---- values in ---- */

static enum kms_status refuse(const struct kms_opt *opt, const char *label, const char *text,
                              size_t len, enum kms_status status, const char *what,
                              struct kms_fault *fault)
{
    char shown[SHOWN_VALUE];
    kms_text_clean(shown, sizeof shown, text, len);
    char allowed[ALLOWED_TEXT];
    kms_opt_allowed(opt, allowed, sizeof allowed);
    return kms_fault_set(fault, status, 0, "%s: '%s' %s; allowed: %s", label, shown, what, allowed);
}

static bool read_flag(const char *text, bool *ret)
{
    static const char *const words[] = {"yes", "true", "on", "1", "no", "false", "off", "0"};
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        if (kms_text_equal_nocase(text, words[i])) {
            *ret = i < KMS_COUNT_OF(words) / 2;
            return true;
        }
    }
    return false;
}

static const struct kms_opt_choice *find_choice(const struct kms_opt *opt, const char *word,
                                                size_t len)
{
    for (const struct kms_opt_choice *c = opt->choices; c && c->word; c++) {
        if (strlen(c->word) == len && memcmp(c->word, word, len) == 0) {
            return c;
        }
    }
    return NULL;
}

static bool read_number(const struct kms_opt *opt, const char *text, int64_t *ret)
{
    uint64_t bytes;
    switch (opt->type) {
    case KMS_OPT_DURATION:
        return kms_text_duration_ms(text, ret);
    case KMS_OPT_BYTES:
        if (!kms_text_bytes(text, &bytes) || bytes > (uint64_t)INT64_MAX) {
            return false;
        }
        *ret = (int64_t)bytes;
        return true;
    default:
        return kms_text_i64(text, ret);
    }
}

static const char *number_kind(const struct kms_opt *opt)
{
    switch (opt->type) {
    case KMS_OPT_DURATION:
        return "is not a duration";
    case KMS_OPT_BYTES:
        return "is not a size";
    case KMS_OPT_PORT:
        return "is not a port number";
    default:
        return "is not a whole number";
    }
}

static enum kms_status apply_number(const struct kms_opt *opt, const char *label, const char *text,
                                    void *base, struct kms_fault *fault)
{
    int64_t value;
    if (!read_number(opt, text, &value)) {
        return refuse(opt, label, text, strlen(text), KMS_ESYNTAX, number_kind(opt), fault);
    }
    if (!in_range(opt, value)) {
        return refuse(opt, label, text, strlen(text), KMS_EINVAL, "is out of range", fault);
    }
    *number_at(opt, base) = value;
    return KMS_OK;
}

static enum kms_status read_word(const struct kms_opt *opt, const char *label, const char *word,
                                 size_t len, uint64_t *mask, struct kms_fault *fault)
{
    const struct kms_opt_choice *choice = find_choice(opt, word, len);
    if (!choice) {
        return refuse(opt, label, word, len, KMS_EINVAL, "is unknown", fault);
    }
    *mask |= UINT64_C(1) << (unsigned)(choice->number & 63);
    return KMS_OK;
}

static enum kms_status apply_set(const struct kms_opt *opt, const char *label, const char *text,
                                 void *base, struct kms_fault *fault)
{
    uint64_t mask = 0;
    for (const char *at = text;;) {
        size_t len = strcspn(at, ",");
        enum kms_status status = read_word(opt, label, at, len, &mask, fault);
        if (status != KMS_OK) {
            return status;
        }
        if (!at[len]) {
            break;
        }
        at += len + 1;
    }
    *set_at(opt, base) = mask;
    return KMS_OK;
}

static enum kms_status apply_text(const struct kms_opt *opt, const char *text, void *base,
                                  struct kms_fault *fault)
{
    char *copy = kms_text_dup(text);
    if (!copy) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%s", kms_status_text(KMS_ENOMEM));
    }
    char **place = text_at(opt, base);
    free(*place);
    *place = copy;
    return KMS_OK;
}

static enum kms_status apply_texts(const struct kms_opt *opt, const char *text, void *base,
                                   struct kms_fault *fault)
{
    struct kms_texts *texts = texts_at(opt, base);
    const bool *given = given_at(opt, base);
    struct kms_texts fresh = {0};
    bool replace = given && !*given;
    if (kms_texts_add(replace ? &fresh : texts, text) != KMS_OK) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%s", kms_status_text(KMS_ENOMEM));
    }
    if (replace) {
        kms_texts_done(texts);
        *texts = fresh;
    }
    return KMS_OK;
}

static enum kms_status apply_choice(const struct kms_opt *opt, const char *label, const char *text,
                                    void *base, struct kms_fault *fault)
{
    const struct kms_opt_choice *choice = find_choice(opt, text, strlen(text));
    if (!choice) {
        return refuse(opt, label, text, strlen(text), KMS_EINVAL, "is unknown", fault);
    }
    *number_at(opt, base) = choice->number;
    return KMS_OK;
}

static enum kms_status apply_flag(const struct kms_opt *opt, const char *label, const char *text,
                                  void *base, struct kms_fault *fault)
{
    bool value;
    if (!read_flag(text, &value)) {
        return refuse(opt, label, text, strlen(text), KMS_ESYNTAX, "is neither yes nor no", fault);
    }
    *flag_at(opt, base) = value;
    return KMS_OK;
}

/* label is how the user knows the row: its key in a file, its option on the command line. */
static enum kms_status apply_as(const struct kms_opt *opt, const char *label, const char *text,
                                void *base, struct kms_fault *fault)
{
    switch (opt->type) {
    case KMS_OPT_FLAG:
        return apply_flag(opt, label, text, base, fault);
    case KMS_OPT_TEXT:
        return apply_text(opt, text, base, fault);
    case KMS_OPT_TEXTS:
        return apply_texts(opt, text, base, fault);
    case KMS_OPT_CHOICE:
        return apply_choice(opt, label, text, base, fault);
    case KMS_OPT_SET:
        return apply_set(opt, label, text, base, fault);
    case KMS_OPT_UINT:
    case KMS_OPT_PORT:
    case KMS_OPT_DURATION:
    case KMS_OPT_BYTES:
    case KMS_OPT_COUNT:
        return apply_number(opt, label, text, base, fault);
    }
    return kms_fault_set(fault, KMS_EINVAL, 0, "%s: the row has no type", label);
}

enum kms_status kms_opt_apply(const struct kms_opt *opt, const char *text, void *base,
                              struct kms_fault *fault)
{
    enum kms_status status = apply_as(opt, label_of(opt), text, base, fault);
    if (status == KMS_OK) {
        mark_given(opt, base);
    }
    return status;
}

enum kms_status kms_opt_apply_word(const struct kms_opt *opt, const char *word, void *base,
                                   struct kms_fault *fault)
{
    uint64_t mask = 0;
    enum kms_status status = read_word(opt, label_of(opt), word, strlen(word), &mask, fault);
    if (status != KMS_OK) {
        return status;
    }
    /* The first word that is given replaces the preset instead of adding to it. */
    const bool *given = given_at(opt, base);
    uint64_t *value = set_at(opt, base);
    *value = given && !*given ? mask : *value | mask;
    mark_given(opt, base);
    return KMS_OK;
}

enum kms_status kms_opts_preset(const struct kms_opt *opts, void *base)
{
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++) {
        if (!opt->preset) {
            continue;
        }
        enum kms_status status = apply_as(opt, label_of(opt), opt->preset, base, NULL);
        if (status != KMS_OK) {
            return status;
        }
    }
    return KMS_OK;
}

void kms_opts_free_values(const struct kms_opt *opts, void *base)
{
    for (const struct kms_opt *opt = opts; !kms_opt_is_end(opt); opt++) {
        if (opt->type == KMS_OPT_TEXT) {
            char **place = text_at(opt, base);
            free(*place);
            *place = NULL;
        } else if (opt->type == KMS_OPT_TEXTS) {
            kms_texts_done(texts_at(opt, base));
        }
    }
}

/* ---- values out ---- */

/* The configuration reader knows two escapes and takes no control bytes, so a value with one was
 * never in a file. */
static void append_quoted(const char *text, char *dst, size_t size)
{
    kms_text_append(dst, size, "\"");
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        size_t len = strlen(dst);
        if (c == '"' || c == '\\') {
            kms_text_append(dst, size, "\\%c", c);
        } else if (len + 1 < size) {
            dst[len] = (char)c;
            if ((c < 0x20 && c != '\t') || c == 0x7F) {
                dst[len] = '?';
            }
            dst[len + 1] = '\0';
        }
    }
    kms_text_append(dst, size, "\"");
}

static void print_texts(const struct kms_texts *texts, char *dst, size_t size)
{
    bool one = texts->count == 1;
    kms_text_copy(dst, size, one ? "" : "{");
    for (size_t i = 0; i < texts->count; i++) {
        kms_text_append(dst, size, "%s", i > 0 ? ", " : "");
        append_quoted(texts->text[i], dst, size);
    }
    kms_text_append(dst, size, "%s", one ? "" : "}");
}

static void print_set(const struct kms_opt *opt, uint64_t mask, char *dst, size_t size)
{
    kms_text_copy(dst, size, "{");
    const char *between = "";
    for (const struct kms_opt_choice *c = opt->choices; c && c->word; c++) {
        if (mask >> (unsigned)(c->number & 63) & 1U) {
            kms_text_append(dst, size, "%s\"%s\"", between, c->word);
            between = ", ";
        }
    }
    kms_text_append(dst, size, "}");
}

static void print_choice(const struct kms_opt *opt, int64_t number, char *dst, size_t size)
{
    dst[0] = '\0';
    for (const struct kms_opt_choice *c = opt->choices; c && c->word; c++) {
        if (c->number == number) {
            kms_text_format(dst, size, "\"%s\"", c->word);
            return;
        }
    }
}

void kms_opt_print(const struct kms_opt *opt, const void *base, char *dst, size_t size)
{
    const char *place = (const char *)base + opt->offset;
    switch (opt->type) {
    case KMS_OPT_FLAG:
        kms_text_copy(dst, size, *(const bool *)(const void *)place ? "yes" : "no");
        return;
    case KMS_OPT_TEXT: {
        const char *text = *(char *const *)(const void *)place;
        dst[0] = '\0';
        if (text) {
            append_quoted(text, dst, size);
        }
        return;
    }
    case KMS_OPT_TEXTS:
        print_texts((const struct kms_texts *)(const void *)place, dst, size);
        return;
    case KMS_OPT_CHOICE:
        print_choice(opt, *(const int64_t *)(const void *)place, dst, size);
        return;
    case KMS_OPT_SET:
        print_set(opt, *(const uint64_t *)(const void *)place, dst, size);
        return;
    case KMS_OPT_UINT:
    case KMS_OPT_PORT:
    case KMS_OPT_DURATION:
    case KMS_OPT_BYTES:
    case KMS_OPT_COUNT:
        print_number(opt, *(const int64_t *)(const void *)place, dst, size);
        return;
    }
    dst[0] = '\0';
}

/* ---- argv ---- */

static bool on_command_line(const struct kms_opt *opt)
{
    return opt->long_opt || opt->short_opt;
}

static bool takes_value(const struct kms_opt *opt)
{
    return opt->type != KMS_OPT_FLAG && opt->type != KMS_OPT_COUNT;
}

static void option_label(const struct kms_opt *opt, char *dst, size_t size)
{
    if (opt->long_opt) {
        kms_text_format(dst, size, "--%s", opt->long_opt);
    } else {
        kms_text_format(dst, size, "-%c", opt->short_opt);
    }
}

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
    char candidates[ALLOWED_TEXT] = "";
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

static const struct kms_opt *row_of_code(const struct kms_opt *opts, int code);

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
    char allowed[ALLOWED_TEXT];
    kms_opt_allowed(opt, allowed, sizeof allowed);
    return kms_fault_set(fault, KMS_EINVAL, 0, "%s: needs a value; allowed: %s", label, allowed);
}

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

/* Asking more often than there is more to say is no mistake. */
static void count_up(const struct kms_opt *opt, void *base)
{
    int64_t *count = number_at(opt, base);
    if (*count < upper_limit(opt)) {
        *count += 1;
    }
}

static enum kms_status take_option(const struct kms_opt *opt, const char *text, void *base,
                                   struct kms_fault *fault)
{
    if (opt->type == KMS_OPT_FLAG) {
        *flag_at(opt, base) = true;
    } else if (opt->type == KMS_OPT_COUNT) {
        count_up(opt, base);
    } else {
        char label[LABEL_TEXT];
        option_label(opt, label, sizeof label);
        enum kms_status status = apply_as(opt, label, text, base, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
    mark_given(opt, base);
    return KMS_OK;
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
        bool value = takes_value(&opts[i]);
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

/* ---- --help ---- */

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
    if (takes_value(opt)) {
        const char *before = opt->alone ? "[=" : opt->long_opt ? "=" : " ";
        kms_text_append(dst, size, "%s%s%s", before, arg_name(opt), opt->alone ? "]" : "");
    }
}

static void help_text(const struct kms_opt *opt, char *dst, size_t size)
{
    kms_text_copy(dst, size, opt->help ? opt->help : "");
    if ((opt->type == KMS_OPT_CHOICE || opt->type == KMS_OPT_SET) && !opt->arg) {
        kms_text_append(dst, size, ": ");
        append_choices(opt, ", ", dst, size);
    }
    if (opt->preset && takes_value(opt)) {
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
