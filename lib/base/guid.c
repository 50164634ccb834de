/* GUIDs between their mixed byte order and text. */
#include "base/guid.h"

#include <string.h>

#include "base/text.h"

/* Where each byte of the text stands on the wire. */
static const uint8_t place[KMS_GUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool is_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool kms_guid_parse(const char *text, struct kms_guid *ret)
{
    struct kms_guid guid;
    for (size_t i = 0; i < KMS_GUID_SIZE; i++) {
        uint32_t value;
        if (is_dash_before(i) && *text++ != '-') {
            return false;
        }
        /* kms_text_hex32 would take 0x too. */
        if (text[0] == '\0' || text[1] == '\0' || text[1] == 'x' || text[1] == 'X' ||
            !kms_text_hex32(text, 2, &value)) {
            return false;
        }
        guid.wire[place[i]] = (uint8_t)value;
        text += 2;
    }
    if (*text != '\0') {
        return false;
    }
    *ret = guid;
    return true;
}

void kms_guid_text(const struct kms_guid *guid, char ret[KMS_GUID_TEXT])
{
    static const char digit[] = "0123456789abcdef";
    char *at = ret;
    for (size_t i = 0; i < KMS_GUID_SIZE; i++) {
        if (is_dash_before(i)) {
            *at++ = '-';
        }
        *at++ = digit[guid->wire[place[i]] >> 4];
        *at++ = digit[guid->wire[place[i]] & 15];
    }
    *at = '\0';
}

bool kms_guid_equal(const struct kms_guid *a, const struct kms_guid *b)
{
    return memcmp(a->wire, b->wire, sizeof a->wire) == 0;
}

bool kms_guid_is_zero(const struct kms_guid *guid)
{
    static const struct kms_guid zero = {{0}};
    return kms_guid_equal(guid, &zero);
}

struct kms_guid kms_guid_of_random(const uint8_t random[KMS_GUID_SIZE])
{
    struct kms_guid guid;
    for (size_t i = 0; i < KMS_GUID_SIZE; i++) {
        guid.wire[place[i]] = random[i];
    }
    guid.wire[place[6]] = (uint8_t)((guid.wire[place[6]] & 0x0f) | 0x40);
    guid.wire[place[8]] = (uint8_t)((guid.wire[place[8]] & 0x3f) | 0x80);
    return guid;
}
