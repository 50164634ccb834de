/* Which records are of hosts that nobody has watched for a month, and of keys that no host has
 * shown for as long. */
#ifndef KMS_AGENT_MEMORIES_SWEEP_H
#define KMS_AGENT_MEMORIES_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/keeper.h"

/* wall_s: of the record, 0: it has none. */
bool kms_memories_is_over(int64_t wall_s, int64_t now_s);

struct kms_memories_sweep;

/* NULL: out of memory. */
struct kms_memories_sweep *kms_memories_sweep_new(int64_t now_s);
void kms_memories_sweep_free(struct kms_memories_sweep *sweep);
/* A host that is watched: its results are kept, however old. */
void kms_memories_sweep_host(struct kms_memories_sweep *sweep, const char *host);
/* All that are watched are named: the keeper removes what is over. sweep is the keeper's. */
void kms_memories_sweep_begin(struct kms_memories_sweep *sweep, struct kms_keeper *keeper);

#endif
