/* The option rows of the numbers that decide. */
#include "model/policy.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

#define UINT_ROW(name, member, most, text, about)                                                  \
    {                                                                                              \
        .section = "judgement", .key = (name), .long_opt = (name), .type = KMS_OPT_UINT,           \
        .offset = offsetof(struct kms_policy, member), .given_offset = KMS_OPT_NO_GIVEN, .min = 0, \
        .max = (most), .preset = (text), .arg = "N", .help = (about)                               \
    }

#define TIME_ROW(name, member, least, most, text, about)                                     \
    {                                                                                        \
        .section = "judgement", .key = (name), .long_opt = (name), .type = KMS_OPT_DURATION, \
        .offset = offsetof(struct kms_policy, member), .given_offset = KMS_OPT_NO_GIVEN,     \
        .min = (least), .max = (most), .preset = (text), .arg = "TIME", .help = (about)      \
    }

static const struct kms_opt rows[] = {
    UINT_ROW("client-threshold", required[KMS_CLASS_CLIENT], 1000, "25",
             "count that Windows clients need"),
    UINT_ROW("server-threshold", required[KMS_CLASS_SERVER], 1000, "5",
             "count that Windows servers need"),
    UINT_ROW("office2010-threshold", required[KMS_CLASS_OFFICE2010], 1000, "5",
             "count that Office 2010 needs"),
    UINT_ROW("office-threshold", required[KMS_CLASS_OFFICE], 1000, "5",
             "count that Office 2013 and later need"),
    TIME_ROW("expires-warning", expires_warning_ms, 0, 3650 * DAY_MS, "30d",
             "warn when the host key's activation ends sooner"),
    TIME_ROW("expires-critical", expires_critical_ms, 0, 3650 * DAY_MS, "7d",
             "critical when it ends sooner"),
    TIME_ROW("requests-window", requests_window_ms, 60000, 31 * DAY_MS, "1h",
             "window over which failed requests are counted"),
    UINT_ROW("failed-warning", failed_warning, INT64_C(4294967295), "0",
             "warn when more requests than this failed in it ..."),
    UINT_ROW("failed-critical", failed_critical, INT64_C(4294967295), "10",
             "critical when more requests than this failed ..."),
    UINT_ROW("failed-ratio-warning", failed_ratio_warning, 1000, "50",
             "... and more than this many per mille of all"),
    UINT_ROW("failed-ratio-critical", failed_ratio_critical, 1000, "500",
             "... and more than this many per mille of all"),
    TIME_ROW("skew-warning", skew_warning_ms, 0, 4 * HOUR_MS, "10m",
             "warn when the host's clock differs by more"),
    TIME_ROW("skew-critical", skew_critical_ms, 0, 4 * HOUR_MS, "3h",
             "critical when it differs by more (refused at 4h)"),
    KMS_OPT_END,
};

const struct kms_opt *kms_policy_opts(void)
{
    return rows;
}

void kms_policy_preset(struct kms_policy *policy)
{
    *policy = (struct kms_policy){0};
    /* The rows above hold no text, so nothing can run out. */
    (void)kms_opts_preset(rows, policy);
}

int64_t kms_policy_get(const struct kms_policy *policy, const struct kms_opt *row)
{
    return *(const int64_t *)(const void *)((const char *)policy + row->offset);
}

bool kms_policy_set(struct kms_policy *policy, const struct kms_opt *row, int64_t number)
{
    if (number < row->min || number > row->max) {
        return false;
    }
    *(int64_t *)(void *)((char *)policy + row->offset) = number;
    return true;
}

size_t kms_policy_place(const struct kms_opt *row)
{
    return row->offset / sizeof(int64_t);
}
