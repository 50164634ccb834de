/* The request's fields in their places (236 bytes, little-endian), then what its version adds. */
#include "rpc/ask.h"

#include <string.h>

#include "base/bytes.h"
#include "rpc/put.h"

#define BASE_SIZE   236
#define SECRET_AT   20  /* versions 5 and 6: behind the version and the IV */
#define SECRET_SIZE 240 /* the base and its padding */
#define PADDING     4

/* Places in the base. */
enum {
    AT_MINOR = 0,
    AT_MAJOR = 2,
    AT_VIRTUAL = 4,
    AT_STATUS = 8,
    AT_EXPIRES = 12,
    AT_APPLICATION = 16,
    AT_SKU = 32,
    AT_COUNTED = 48,
    AT_CMID = 64,
    AT_POLICY = 80,
    AT_TIME = 84,
    AT_PREVIOUS = 92,
    AT_WORKSTATION = 108
};

static void put_guid(uint8_t *at, const struct kms_guid *guid)
{
    memcpy(at, guid->wire, sizeof guid->wire);
}

/* A code point that needs two units is left out when only one fits. */
static void put_workstation(uint8_t *at, const char *name)
{
    struct kms_rd rd = kms_rd_over(name, strlen(name));
    size_t units = 0;
    uint32_t point;
    while (kms_rd_utf8(&rd, &point)) {
        size_t needs = point > 0xffff ? 2 : 1;
        if (units + needs > KMS_WORKSTATION_UNITS) {
            return;
        }
        if (needs == 2) {
            point -= 0x10000;
            kms_put16(at + 2 * units, 0xd800 + (point >> 10));
            kms_put16(at + 2 * units + 2, 0xdc00 + (point & 0x3ff));
        } else {
            kms_put16(at + 2 * units, point);
        }
        units += needs;
    }
}

static void write_base(const struct kms_ask *ask, uint8_t *base)
{
    memset(base, 0, BASE_SIZE);
    kms_put16(base + AT_MINOR, ask->minor);
    kms_put16(base + AT_MAJOR, ask->major);
    kms_put32(base + AT_VIRTUAL, ask->virtual_machine);
    kms_put32(base + AT_STATUS, ask->license_status);
    kms_put32(base + AT_EXPIRES, ask->expires_minutes);
    put_guid(base + AT_APPLICATION, &ask->application);
    put_guid(base + AT_SKU, &ask->sku);
    put_guid(base + AT_COUNTED, &ask->counted);
    put_guid(base + AT_CMID, &ask->cmid);
    kms_put32(base + AT_POLICY, ask->n_policy);
    kms_put32(base + AT_TIME, (uint32_t)ask->filetime);
    kms_put32(base + AT_TIME + 4, (uint32_t)(ask->filetime >> 32));
    put_guid(base + AT_PREVIOUS, &ask->previous_cmid);
    put_workstation(base + AT_WORKSTATION, ask->workstation ? ask->workstation : "");
}

static size_t write_encrypted(const struct kms_ask *ask, uint8_t *ret)
{
    kms_put16(ret, ask->minor);
    kms_put16(ret + 2, ask->major);
    memcpy(ret + 4, ask->iv, sizeof ask->iv);
    write_base(ask, ret + SECRET_AT);
    memset(ret + SECRET_AT + BASE_SIZE, PADDING, PADDING);
    kms_cipher_encrypt(ask->major, ask->iv, ret + SECRET_AT, SECRET_SIZE);
    return SECRET_AT + SECRET_SIZE;
}

size_t kms_ask_write(const struct kms_ask *ask, uint8_t ret[KMS_ASK_MAX])
{
    switch (ask->major) {
    case 4:
        write_base(ask, ret);
        kms_cipher_mac4(ret, BASE_SIZE, ret + BASE_SIZE);
        return BASE_SIZE + KMS_BLOCK_SIZE;
    case 5:
    case 6:
        return write_encrypted(ask, ret);
    default:
        return 0;
    }
}

uint64_t kms_filetime(int64_t wall_s, int64_t wall_us)
{
    return ((uint64_t)wall_s * 1000000 + (uint64_t)wall_us) * 10 + UINT64_C(116444736000000000);
}
