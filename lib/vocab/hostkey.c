/* What a host key's channel, application and ePID say about it. */
#include "vocab/hostkey.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

struct channel_row {
    const char *channel;
    const char *name;
    uint32_t classes;
};

static const struct channel_row channels[] = {
#define KMS_CHANNEL(channel, name, classes) {channel, name, classes},
#include "vocab/channel.def"
#undef KMS_CHANNEL
};

struct range_row {
    uint32_t group, key_id_min, key_id_max;
    const char *name;
};

static const struct range_row ranges[] = {
#include "host_keys.inc"
};

struct application_row {
    enum kms_application application;
    const char *guid;
    const char *name;
    uint32_t classes;
};

/* SoftwareLicensingProduct.ApplicationID. One sample of Microsoft's documentation prints 0ff1ce16
 * for Office. */
static const struct application_row applications[] = {
    {KMS_APPLICATION_WINDOWS, "55c92734-d682-4d71-983e-d6ec3f16059f", "Windows",
     KMS_CLASS_BIT(KMS_CLASS_CLIENT) | KMS_CLASS_BIT(KMS_CLASS_SERVER)},
    {KMS_APPLICATION_OFFICE2010, "59a52881-a989-479d-af46-f275c6370663", "Office 2010",
     KMS_CLASS_BIT(KMS_CLASS_OFFICE2010)},
    {KMS_APPLICATION_OFFICE, "0ff1ce15-a989-479d-af46-f275c6370663", "Office",
     KMS_CLASS_BIT(KMS_CLASS_OFFICE)},
    {KMS_APPLICATION_OFFICE, "0ff1ce16-a989-479d-af46-f275c6370663", "Office",
     KMS_CLASS_BIT(KMS_CLASS_OFFICE)},
};

/* The first eight digits must be given; later ones may be blacked out, or be missing. */
static bool guid_fits(const char *text, const char *guid)
{
    size_t i = 0;
    for (; text[i] && guid[i]; i++) {
        bool hidden = i >= 8 && (kms_text_lower(text[i]) == 'x' || text[i] == '*');
        if (!hidden && kms_text_lower(text[i]) != guid[i]) {
            return false;
        }
    }
    return i >= 8 && !text[i];
}

enum kms_application kms_application_of(const char *application_id)
{
    for (size_t i = 0; application_id && i < KMS_COUNT_OF(applications); i++) {
        if (guid_fits(application_id, applications[i].guid)) {
            return applications[i].application;
        }
    }
    return KMS_APPLICATION_UNKNOWN;
}

static const struct application_row *application_row(enum kms_application application)
{
    for (size_t i = 0; i < KMS_COUNT_OF(applications); i++) {
        if (applications[i].application == application) {
            return &applications[i];
        }
    }
    return NULL;
}

const char *kms_application_name(enum kms_application application)
{
    const struct application_row *row = application_row(application);
    return row ? row->name : "unknown application";
}

uint32_t kms_application_classes(enum kms_application application)
{
    const struct application_row *row = application_row(application);
    return row ? row->classes : 0;
}

static bool is_channel_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool kms_channel_of(const char *description, char *dst, size_t size)
{
    /* The channel is the last word in capitals before "channel"; it always begins like one of
     * these. */
    static const char *const beginnings[] = {"VOLUME", "RETAIL", "OEM", "TIMEBASED", "MAK"};
    if (!description) {
        return false;
    }
    const char *found = NULL;
    size_t found_len = 0;
    const char *at = description;
    while (*at) {
        size_t len = 0;
        while (is_channel_char(at[len])) {
            len++;
        }
        for (size_t i = 0; len > 0 && i < KMS_COUNT_OF(beginnings); i++) {
            if (kms_text_starts(at, beginnings[i])) {
                found = at;
                found_len = len;
            }
        }
        at += len > 0 ? len : 1;
    }
    if (!found || found_len >= size) {
        return false;
    }
    kms_text_format(dst, size, "%.*s", (int)found_len, found);
    return true;
}

/* Some published reports print VOLUME-KMSCLIENT. */
static bool channel_starts(const char *channel, const char *prefix)
{
    for (; *prefix; channel++, prefix++) {
        bool dash = *channel == '-' && *prefix == '_';
        if (!dash && *channel != *prefix) {
            return false;
        }
    }
    return true;
}

bool kms_channel_is_client(const char *channel)
{
    return channel && channel_starts(channel, "VOLUME_KMSCLIENT");
}

bool kms_channel_is_host(const char *channel)
{
    return channel && channel_starts(channel, "VOLUME_KMS") && !kms_channel_is_client(channel);
}

static const char *name_by_epid(const char *text)
{
    struct kms_epid epid;
    if (!kms_epid_parse(text, &epid)) {
        return NULL;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(ranges); i++) {
        if (ranges[i].group == epid.group && epid.key_id >= ranges[i].key_id_min &&
            epid.key_id <= ranges[i].key_id_max) {
            return ranges[i].name;
        }
    }
    return NULL;
}

/* A key named after a server edition serves clients too; any other Windows key serves clients only.
 */
static uint32_t classes_by_name(const char *name)
{
    uint32_t clients = KMS_CLASS_BIT(KMS_CLASS_CLIENT);
    return strstr(name, "Server") ? clients | KMS_CLASS_BIT(KMS_CLASS_SERVER) : clients;
}

static enum kms_application application_by_name(const char *name)
{
    if (!kms_text_starts(name, "Office")) {
        return KMS_APPLICATION_WINDOWS;
    }
    return kms_text_starts(name, "Office 2010") ? KMS_APPLICATION_OFFICE2010
                                                : KMS_APPLICATION_OFFICE;
}

bool kms_key_kind_of(enum kms_application application, const char *channel, const char *epid,
                     struct kms_key_kind *ret)
{
    const char *by_epid = epid ? name_by_epid(epid) : NULL;
    if (application == KMS_APPLICATION_UNKNOWN && by_epid) {
        application = application_by_name(by_epid);
    }
    uint32_t all = kms_application_classes(application);
    bool office = application == KMS_APPLICATION_OFFICE ||
                  application == KMS_APPLICATION_OFFICE2010;
    if (office) {
        *ret = (struct kms_key_kind){.name = by_epid, .classes = all};
        return true; /* one class each, whatever the key */
    }
    for (size_t i = 0; channel && i < KMS_COUNT_OF(channels); i++) {
        if (kms_text_equal(channels[i].channel, channel)) {
            /* VOLUME_KMS alone is every old client key and every Office key: an ePID knows better.
             */
            bool vague = kms_text_equal(channel, "VOLUME_KMS");
            if (vague && !by_epid && application == KMS_APPLICATION_UNKNOWN) {
                break;
            }
            bool better = vague && by_epid;
            *ret = (struct kms_key_kind){.name = better ? by_epid : channels[i].name,
                                         .classes = better ? classes_by_name(by_epid)
                                                           : channels[i].classes};
            return true;
        }
    }
    if (by_epid) {
        *ret = (struct kms_key_kind){.name = by_epid, .classes = classes_by_name(by_epid)};
        return true;
    }
    uint32_t both = kms_application_classes(KMS_APPLICATION_WINDOWS);
    *ret = (struct kms_key_kind){.name = NULL, .classes = all ? all : both};
    return false;
}

/* Digits up to the separator (a NUL byte: to the end), which is consumed. */
static bool take_number(struct kms_rd *rd, char separator, size_t digits_min, size_t digits_max,
                        uint32_t *ret)
{
    uint32_t value = 0;
    size_t digits = 0;
    uint8_t c;
    while (kms_rd_u8(rd, &c)) {
        if (separator && c == (uint8_t)separator) {
            break;
        }
        if (c < '0' || c > '9' || ++digits > digits_max) {
            return false;
        }
        value = value * 10 + (uint32_t)(c - '0');
        if (!separator && kms_rd_left(rd) == 0) {
            break;
        }
    }
    if (digits < digits_min || digits > digits_max) {
        return false;
    }
    *ret = value;
    return true;
}

static bool date_is_real(uint32_t day, uint32_t year)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= (leap ? 366U : 365U) && year >= 2000;
}

bool kms_epid_parse(const char *text, struct kms_epid *ret)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    struct kms_epid epid = {0};
    uint32_t millions;
    uint32_t ones;
    uint32_t zero;
    if (!take_number(&rd, '-', 5, 5, &epid.platform) || !take_number(&rd, '-', 5, 5, &epid.group) ||
        !take_number(&rd, '-', 3, 3, &millions) || !take_number(&rd, '-', 6, 6, &ones) ||
        !take_number(&rd, '-', 2, 2, &epid.channel) || !take_number(&rd, '-', 1, 5, &epid.lcid) ||
        !take_number(&rd, '.', 4, 5, &epid.build) || !take_number(&rd, '-', 4, 4, &zero)) {
        return false;
    }
    epid.key_id = millions * 1000000U + ones;
    uint32_t date;
    struct kms_rd rest = rd;
    if (take_number(&rest, '\0', 7, 7, &date)) {
        epid.day = date / 10000;
        epid.year = date % 10000;
        epid.has_date = date_is_real(epid.day, epid.year);
        epid.date_wrong = !epid.has_date;
    }
    *ret = epid;
    return true;
}
