/* A replaying endpoint for benches: a process that answers the recorded PDUs of one connection to
 * many clients at once, byte for byte, and closes behind the last one and on any other. It composes
 * nothing. */
#ifndef KMS_BENCH_REPLAY_H
#define KMS_BENCH_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "unit/rpc/recording.h"

struct replay {
    uint16_t port; /* on every address of 127.0.0.0/8 */
    int control;   /* a byte comes when all that are to be held are; one sent lets them go */
};

/* The answer to the second PDU is held back until hold connections wait for it; 0: none is. It ends
 * when control is closed. Exits when it cannot be started. */
struct replay replay_start(const struct recording *recording, size_t hold);

#endif
