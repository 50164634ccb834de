/* Hosts that DNS names become watched hosts: bind probes and lookups, nothing that needs trust. */
#ifndef KMS_AGENT_DISCOVER_H
#define KMS_AGENT_DISCOVER_H

#include "agent/lookups.h"

/* {0} at the start. */
struct kms_discovery {
    size_t count; /* hosts that were added */
    bool full;    /* there were more, which was said */
    bool waits;   /* the last one is on the board, but there was no memory to plan its probes */
    size_t waiting_slot;
};

/* Adds the targets of a domain's records that nobody watches yet to the board and the scheduler;
 * returns how many. One whose probes could not be planned is tried again before any other is added.
 */
size_t kms_discover(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                    const struct kms_zone *zone);

#endif
