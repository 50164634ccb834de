/* KMS host keys (CSVLK): which classes a channel serves, and what an ePID says about its key. */
#ifndef KMS_VOCAB_HOSTKEY_H
#define KMS_VOCAB_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocab/vocab.h"

/* From a GUID in text, upper or lower case, with blacked-out digits as x or *; at least its first
 * eight digits must be given. KMS_APPLICATION_UNKNOWN for NULL and for anything else. */
enum kms_application kms_application_of(const char *application_id);
/* "Windows", "Office 2010", "Office". */
const char *kms_application_name(enum kms_application application);
/* Classes of clients that share the counter of an application, as KMS_CLASS_BIT mask. */
uint32_t kms_application_classes(enum kms_application application);

/* The channel word of a product description: "Windows Operating System - ..., VOLUME_KMS_R2_B
 * channel" gives "VOLUME_KMS_R2_B" in dst. False when the description holds none. */
bool kms_channel_of(const char *description, char *dst, size_t size);
/* A host key's channel begins with VOLUME_KMS but not with VOLUME_KMSCLIENT (slmgr's own rule). */
bool kms_channel_is_host(const char *channel);
bool kms_channel_is_client(const char *channel);

/* What a Windows host key serves: classes, and a name for people. */
struct kms_key_kind {
    const char *name; /* "Windows Server 2008 R2 B (Standard & Enterprise)" */
    uint32_t classes; /* KMS_CLASS_BIT mask */
};
/* By channel, application and ePID, whichever is known (NULL: not known). False: the kind is not
 * known; then classes is every class of the application (both Windows classes when that is unknown
 * too) and name is NULL. */
bool kms_key_kind_of(enum kms_application application, const char *channel, const char *epid,
                     struct kms_key_kind *ret);

/* The parts of an ePID: PPPPP-GGGGG-KKK-KKKKKK-CC-LCID-BUILD.0000-DDDYYYY. */
struct kms_epid {
    uint32_t platform, group, key_id, channel, lcid, build, day, year;
    bool has_date;   /* false when the date part was blacked out, or names no day that exists */
    bool date_wrong; /* the digits are there, in day and year, and there is no such day */
};
bool kms_epid_parse(const char *text, struct kms_epid *ret);

/* What the parts mean; NULL where a number is not listed. */
struct kms_epid_explained {
    struct kms_epid epid;
    const char *key_name;           /* "Windows Server 2019", by group and key id */
    const char *channel;            /* "retail", "OEM", "volume" */
    const char *language;           /* "English (United States)" */
    const char *os;                 /* "Windows 10 1809 / Server 2019", by the build itself */
    unsigned year, month, day;      /* of the key's activation; 0 when not known */
    bool is_platform_contradictory; /* the build is listed under another platform */
    bool is_day_zero;               /* day 000: days count from 001 */
};
/* False for what is no ePID. */
bool kms_epid_explain(const char *text, struct kms_epid_explained *ret);

#define KMS_EPID_LINES 4
#define KMS_EPID_LINE  160
/* The explanation as lines for people; how many. */
size_t kms_epid_lines(const struct kms_epid_explained *explained,
                      char ret[KMS_EPID_LINES][KMS_EPID_LINE]);

#endif
