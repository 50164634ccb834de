/* The hour of each application of a host, as it goes by. */
#ifndef KMS_AGENT_MEMORIES_HOURS_H
#define KMS_AGENT_MEMORIES_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/keeper.h"
#include "model/board.h"

struct kms_memories_series;

/* What is new of an hour that goes on is put that often. */
#define KMS_MEMORIES_TURN_S 300

/* Of one host; zeroed is empty. */
struct kms_memories_hours {
    char *host;
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
/* Puts what is new, once in each turn or at_once. The turns of this host begin shift_s, less than
 * KMS_MEMORIES_TURN_S, after those of the clock, so that not all hosts are put together; the hour
 * that is over ends as late for it, unless it tells something before. */
void kms_memories_hours_turn(struct kms_memories_hours *hours, const struct kms_snapshot *snapshot,
                             int64_t now_s, int64_t shift_s, bool at_once,
                             struct kms_keeper *keeper);
/* Puts what is new of a host that is not on the board any more. */
void kms_memories_hours_leave(struct kms_memories_hours *hours, struct kms_keeper *keeper);

#endif
