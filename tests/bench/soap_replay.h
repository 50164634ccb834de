/* A replaying endpoint for benches: a process that answers recorded SOAP messages over TLS to many
 * clients at once. It picks the answer by the class that a query names, and composes nothing but
 * RelatesTo. */
#ifndef KMS_BENCH_SOAP_REPLAY_H
#define KMS_BENCH_SOAP_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wsman/query.h"

/* Requests and answers by query, with whom they belong to. */
struct soap_recording {
    struct kms_buf request[KMS_WSMAN_Q_COUNT], answer[KMS_WSMAN_Q_COUNT];
};

struct soap_replay {
    uint16_t port; /* on the loopback interface */
    int control;   /* a byte comes when all that are to be held are; one sent lets them go */
};

/* The answer to the last query is held back until hold connections wait for it; 0: none is. It ends
 * when control is closed. Exits when it cannot be started. */
struct soap_replay soap_replay_start(const struct soap_recording *recording,
                                     const char *certificate, const char *key, size_t hold);

#endif
