/* What hosts told, over restarts: last good results, request windows and the hours of history go
 * from the board to the keeper, and come back at the start. */
#ifndef KMS_AGENT_MEMORIES_H
#define KMS_AGENT_MEMORIES_H

#include "agent/keeper.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/board.h"

struct kms_memories;

struct kms_memories_config {
    struct kms_loop *loop;
    struct kms_board *board;
    struct kms_keeper *keeper;
    const struct kms_log *log;
};

/* Puts back on the board what was kept of its hosts, unless they are looked for in another place
 * since. Of hosts that are not on the board it is kept for a month. Before the loop runs, when the
 * hosts are on the board and nothing was asked yet. NULL: out of memory. */
struct kms_memories *kms_memories_open(const struct kms_memories_config *config);
/* Something was published, or time changed a state. */
void kms_memories_poke(struct kms_memories *memories);
/* Puts all of it again, for a store that is new. */
void kms_memories_refill(struct kms_memories *memories);
/* Puts what is left, while the board and the keeper are there. NULL is fine. */
void kms_memories_close(struct kms_memories *memories);

#endif
