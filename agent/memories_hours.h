/* The hour of each application of a host, as it goes by. */
#ifndef KMS_AGENT_MEMORIES_HOURS_H
#define KMS_AGENT_MEMORIES_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/keeper.h"
#include "model/board.h"

struct kms_memories_series;

/* Of one host; zeroed is empty. */
struct kms_memories_hours {
    struct kms_memories_series *series;
    size_t count;
};

void kms_memories_hours_done(struct kms_memories_hours *hours);
/* A snapshot that is new. */
void kms_memories_hours_snapshot(struct kms_memories_hours *hours,
                                 const struct kms_snapshot *snapshot, int64_t now_s,
                                 struct kms_keeper *keeper);
/* A window that has grown. */
void kms_memories_hours_window(struct kms_memories_hours *hours, const char *identity,
                               const struct kms_window *window);
/* Puts what is known of an hour that is over, of a quarter of an hour that is, or at_once. */
void kms_memories_hours_turn(struct kms_memories_hours *hours, const struct kms_snapshot *snapshot,
                             int64_t now_s, bool at_once, struct kms_keeper *keeper);

#endif
