/* A recorded connection as bytes: what the client sent and what the host answered, in turns. */
#ifndef KMS_TESTS_RECORDING_H
#define KMS_TESTS_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/pdu.h"

#define RECORDING_TURNS_MAX 8

struct pdu {
    uint8_t bytes[KMS_RPC_PDU_MAX];
    size_t len;
};

struct recording {
    struct pdu asked[RECORDING_TURNS_MAX], answered[RECORDING_TURNS_MAX];
    size_t asked_count, answered_count;
};

/* "FILE:CONNECTION". tell is called with every input of its first request, as a variable of the
 * environment; NULL: not wanted. NULL on success, else what is wrong. */
typedef void recording_tell_fn(const char *name, const char *value);
const char *recording_load(const char *name, struct recording *ret, recording_tell_fn *tell);

#endif
