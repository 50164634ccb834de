/* Explaining the parts of an ePID. */
#include "base/text.h"
#include "vocab/hostkey.h"

struct build_row {
    uint32_t build, platform;
    const char *os;
};

static const struct build_row builds[] = {
#include "host_builds.inc"
};

struct language_row {
    uint32_t lcid;
    const char *name;
};

static const struct language_row languages[] = {
#include "lcids.inc"
};

static const struct build_row *find_build(uint32_t build)
{
    for (size_t i = 0; i < KMS_COUNT_OF(builds); i++) {
        if (builds[i].build == build) {
            return &builds[i];
        }
    }
    return NULL;
}

static const char *language_of(uint32_t lcid)
{
    for (size_t i = 0; i < KMS_COUNT_OF(languages); i++) {
        if (languages[i].lcid == lcid) {
            return languages[i].name;
        }
    }
    return NULL;
}

static const char *channel_of(uint32_t channel)
{
    switch (channel) {
    case 0:
    case 1:
        return "retail";
    case 2:
        return "OEM";
    case 3:
        return "volume";
    default:
        return NULL;
    }
}

static void find_date(struct kms_epid_explained *ret)
{
    int64_t new_year;
    if (ret->epid.has_date && kms_date_days(ret->epid.year, 1, 1, &new_year)) {
        struct kms_date date = kms_date_of((new_year + ret->epid.day - 1) * 86400);
        ret->year = (unsigned)date.year;
        ret->month = date.month;
        ret->day = date.day;
    }
}

bool kms_epid_explain(const char *text, struct kms_epid_explained *ret)
{
    struct kms_epid_explained made = {0};
    struct kms_key_kind kind;
    if (!kms_epid_parse(text, &made.epid)) {
        return false;
    }
    (void)kms_key_kind_of(KMS_APPLICATION_UNKNOWN, NULL, text, &kind);
    const struct build_row *build = find_build(made.epid.build);
    made.key_name = kind.name;
    made.channel = channel_of(made.epid.channel);
    made.language = language_of(made.epid.lcid);
    made.os = build ? build->os : NULL;
    made.is_platform_contradictory = build && build->platform != made.epid.platform;
    made.is_day_zero = made.epid.date_wrong && made.epid.day == 0;
    find_date(&made);
    *ret = made;
    return true;
}

static void key_line(const struct kms_epid_explained *of, char dst[KMS_EPID_LINE])
{
    kms_text_format(dst, KMS_EPID_LINE, "host key: %s (group %05u, key id %u), ",
                    of->key_name ? of->key_name : "not listed", (unsigned)of->epid.group,
                    (unsigned)of->epid.key_id);
    if (of->channel) {
        kms_text_append(dst, KMS_EPID_LINE, "%s", of->channel);
    } else {
        kms_text_append(dst, KMS_EPID_LINE, "channel %02u", (unsigned)of->epid.channel);
    }
}

static void host_line(const struct kms_epid_explained *of, char dst[KMS_EPID_LINE])
{
    kms_text_format(dst, KMS_EPID_LINE, "host: build %u%s%s%s, ", (unsigned)of->epid.build,
                    of->os ? " (" : "", of->os ? of->os : "", of->os ? ")" : "");
    if (of->language) {
        kms_text_append(dst, KMS_EPID_LINE, "%s", of->language);
    } else {
        kms_text_append(dst, KMS_EPID_LINE, "LCID %u", (unsigned)of->epid.lcid);
    }
}

size_t kms_epid_lines(const struct kms_epid_explained *explained,
                      char ret[KMS_EPID_LINES][KMS_EPID_LINE])
{
    size_t count = 0;
    key_line(explained, ret[count++]);
    host_line(explained, ret[count++]);
    if (explained->year) {
        kms_text_format(ret[count++], KMS_EPID_LINE, "key activated: %04u-%02u-%02u",
                        explained->year, explained->month, explained->day);
    } else if (explained->epid.date_wrong) {
        kms_text_format(ret[count++], KMS_EPID_LINE,
                        "key activated: on day %03u of %04u, which does not exist",
                        (unsigned)explained->epid.day, (unsigned)explained->epid.year);
    }
    if (explained->is_platform_contradictory) {
        kms_text_format(ret[count++], KMS_EPID_LINE,
                        "platform %05u is not that of build %u: not what Windows makes",
                        (unsigned)explained->epid.platform, (unsigned)explained->epid.build);
    }
    return count;
}
