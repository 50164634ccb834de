/* KMSMON-MIB over the board: what every GET and GETNEXT is answered from, without waiting and
 * without probing. */
#ifndef KMS_AGENT_MIB_H
#define KMS_AGENT_MIB_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/keeper.h"
#include "base/clock.h"
#include "model/alarm.h"
#include "model/board.h"
#include "model/zone.h"

/* What only the program itself knows. Owned by main, may change at any time between two turns of
 * the loop, read at each request. Times are wall-clock seconds; 0: not known. */
struct kms_agent_facts {
    bool simulated; /* what is shown is no host's */
    int64_t speed;  /* of its clock then, times that of time; 0: not simulated */
    int64_t started_s;
    int64_t config_loaded_s;
    enum kms_config_result config_result;
    size_t config_lost_hosts; /* that the last reload took away, if they were all; else 0 */
    int64_t interval_s;
    int64_t (*poll_lag_ms)(void *arg);          /* NULL: not known */
    struct kms_keeper_view (*store)(void *arg); /* the same; never blocks */
    void *arg;
};

/* Notifications since the start. */
struct kms_mib_notified {
    bool known; /* false: nobody can send any */
    uint64_t sent, suppressed;
};

struct kms_mib;

/* All must live as long as the MIB. zones NULL: no domain is watched. NULL when memory ran out. */
struct kms_mib *kms_mib_new(const struct kms_board *board, const struct kms_zones *zones,
                            const struct kms_clock *clock, const struct kms_agent_facts *facts);
/* The alarms that are shown from now on; they must live as long as the MIB, or until the next call.
 * notified tells the counters at each request. NULL: no alarms, which is so from the start. */
void kms_mib_set_alarms(struct kms_mib *mib, const struct kms_alarms *alarms,
                        struct kms_mib_notified (*notified)(void *arg), void *arg);
/* After kms_agentx_stop. */
void kms_mib_free(struct kms_mib *mib);

#endif
