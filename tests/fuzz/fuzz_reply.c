/* Fuzz harness of the messages of all three versions: what the request held comes first (version,
 * CMID, time, IV), the message of the reply follows. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "rpc/reply.h"

#define HELD_SIZE (1 + KMS_GUID_SIZE + 8 + KMS_BLOCK_SIZE)

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < HELD_SIZE) {
        return 0;
    }
    struct kms_ask ask = {.major = (uint16_t)(4 + bytes[0] % 3)};
    const uint8_t *at = bytes + 1;
    memcpy(ask.cmid.wire, at, sizeof ask.cmid.wire);
    at += KMS_GUID_SIZE;
    for (size_t i = 0; i < 8; i++) {
        ask.filetime |= (uint64_t)at[i] << 8 * i;
    }
    memcpy(ask.iv, at + 8, sizeof ask.iv);
    struct kms_reply reply = kms_reply_read(bytes + HELD_SIZE, len - HELD_SIZE, &ask);
    bool good = reply.outcome == KMS_OUTCOME_OK;
    require(good ||
            (reply.outcome >= KMS_OUTCOME_REPLY_LENGTH && reply.outcome <= KMS_OUTCOME_REPLY_SALT));
    require(good == (reply.detail[0] == '\0'));
    require(memchr(reply.detail, '\0', sizeof reply.detail) != NULL);
    const char *end = memchr(reply.epid, '\0', sizeof reply.epid);
    require(end != NULL && good == (end != reply.epid));
    for (const char *c = reply.epid; c < end; c++) {
        require(*c >= 0x20 && *c < 0x7f);
    }
    require(good || (reply.count == 0 && !reply.has_hwid));
    return 0;
}
