/* The values of option rows as the configuration file writes them. */
#include "base/opt_parts.h"

#include <string.h>

#include "base/text.h"
#include "base/texts.h"

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
        kms_opt_print_number(opt, *(const int64_t *)(const void *)place, dst, size);
        return;
    }
    dst[0] = '\0';
}
