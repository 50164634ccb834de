/* A GUID in the order it has on the wire, and as text. */
#ifndef KMS_BASE_GUID_H
#define KMS_BASE_GUID_H

#include <stdbool.h>
#include <stdint.h>

#define KMS_GUID_SIZE 16
#define KMS_GUID_TEXT 37 /* "55c92734-d682-4d71-983e-d6ec3f16059f" and its end */

/* First three groups with their bytes swapped, the last eight as written ([MS-DTYP] 2.3.4). */
struct kms_guid {
    uint8_t wire[KMS_GUID_SIZE];
};

/* 8-4-4-4-12 hexadecimal digits, any case, nothing else. */
bool kms_guid_parse(const char *text, struct kms_guid *ret);
/* Lower case. */
void kms_guid_text(const struct kms_guid *guid, char ret[KMS_GUID_TEXT]);
bool kms_guid_equal(const struct kms_guid *a, const struct kms_guid *b);
bool kms_guid_is_zero(const struct kms_guid *guid);
/* A version 4 GUID of 16 random bytes (RFC 4122 section 4.4). */
struct kms_guid kms_guid_of_random(const uint8_t random[KMS_GUID_SIZE]);

#endif
