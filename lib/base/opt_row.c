/* What an option row allows, as a range and in words. */
#include "base/opt_parts.h"

#include "base/text.h"

bool kms_opt_is_end(const struct kms_opt *opt)
{
    return !opt->section && !opt->key && !opt->long_opt && !opt->short_opt && !opt->help;
}

static bool has_range(const struct kms_opt *opt)
{
    return opt->min != 0 || opt->max != 0;
}

int64_t kms_opt_upper_limit(const struct kms_opt *opt)
{
    return opt->max != 0 || opt->min < 0 ? opt->max : INT64_MAX;
}

bool kms_opt_in_range(const struct kms_opt *opt, int64_t value)
{
    if (opt->type == KMS_OPT_PORT) {
        return value >= 1 && value <= 65535;
    }
    return value >= opt->min && value <= kms_opt_upper_limit(opt);
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

void kms_opt_print_number(const struct kms_opt *opt, int64_t value, char *dst, size_t size)
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
    kms_opt_print_number(opt, opt->min, low, sizeof low);
    if (kms_opt_upper_limit(opt) == INT64_MAX) {
        kms_text_append(dst, size, ", %s or more", low);
        return;
    }
    char high[32];
    kms_opt_print_number(opt, opt->max, high, sizeof high);
    kms_text_append(dst, size, ", %s to %s", low, high);
}

void kms_opt_append_choices(const struct kms_opt *opt, const char *between, char *dst, size_t size)
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
        kms_opt_append_choices(opt, ", ", dst, size);
        return;
    case KMS_OPT_SET:
        kms_text_copy(dst, size, "any of ");
        kms_opt_append_choices(opt, ", ", dst, size);
        return;
    }
    dst[0] = '\0';
}

bool kms_opt_takes_value(const struct kms_opt *opt)
{
    return opt->type != KMS_OPT_FLAG && opt->type != KMS_OPT_COUNT;
}
