/* From text to the values of option rows in the caller's struct. */
#include "base/opt.h"

#include <stdlib.h>
#include <string.h>

#include "base/opt_parts.h"
#include "base/text.h"
#include "base/texts.h"

enum {
    SHOWN_VALUE = 48 /* bytes of a wrong value that a message repeats */
};

/* ---- places in the struct ---- */

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

/* ---- one value ---- */

static enum kms_status refuse(const struct kms_opt *opt, const char *label, const char *text,
                              size_t len, enum kms_status status, const char *what,
                              struct kms_fault *fault)
{
    char shown[SHOWN_VALUE];
    kms_text_clean(shown, sizeof shown, text, len);
    char allowed[KMS_OPT_ALLOWED_TEXT];
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
    if (!kms_opt_in_range(opt, value)) {
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

/* ---- rows ---- */

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

/* Asking more often than there is more to say is no mistake. */
static void count_up(const struct kms_opt *opt, void *base)
{
    int64_t *count = number_at(opt, base);
    if (*count < kms_opt_upper_limit(opt)) {
        *count += 1;
    }
}

enum kms_status kms_opt_take(const struct kms_opt *opt, const char *label, const char *text,
                             void *base, struct kms_fault *fault)
{
    if (opt->type == KMS_OPT_FLAG) {
        *flag_at(opt, base) = true;
    } else if (opt->type == KMS_OPT_COUNT) {
        count_up(opt, base);
    } else {
        enum kms_status status = apply_as(opt, label, text, base, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
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
