/* What a worker's thread does for the keeper: opens the store, mends it, writes a batch, reads
 * hours. */
#ifndef KMS_AGENT_KEEPER_DESK_H
#define KMS_AGENT_KEEPER_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper_held.h"
#include "agent/keeper_map.h"
#include "agent/keeper_past.h"
#include "agent/keeper_sweep.h"
#include "base/status.h"
#include "store/history.h"
#include "store/store.h"

#define KMS_KEEPER_PATH_SIZE 4096

/* All of it belongs to the one who works: nothing is shared. */
struct kms_keeper_desk {
    char path[KMS_KEEPER_PATH_SIZE];
    struct kms_store *store; /* NULL: not open */

    /* what is to be done */
    struct kms_keeper_map batch; /* written in one transaction */
    bool wipe;                   /* batch holds all that is known: what else is there is older */
    bool trim;
    struct kms_keeper_broom broom; /* gone once all is swept */
    struct kms_store_limits limits;
    bool unread; /* what the file holds was never read: it is kept, and not written over */
    bool list;   /* the names that the file holds are wanted; they are, too, of another file */
    bool read;
    char host[KMS_HISTORY_NAME_SIZE];
    int64_t from_s, to_s;
    int64_t span_s; /* not 0: host is a name to be found, and so much before its end is wanted */

    /* what came of it */
    enum kms_status status; /* of the store: opened and written */
    struct kms_fault fault;
    bool written; /* the batch, whatever failed after it */
    bool anew;    /* the store was opened again: all that is in memory is to be put once more */
    bool rebuilt; /* a damaged one, or one that was never read, was set aside */
    char why[224];
    char aside[KMS_KEEPER_PATH_SIZE]; /* hours are still to be taken from there; "" */
    int64_t aside_at_s;
    struct kms_store_salvage salvage;
    bool more; /* trim again */
    struct kms_keeper_swept swept;
    bool listed;
    struct kms_keeper_names names;
    enum kms_status read_status;
    struct kms_keeper_past past;
    struct kms_history_hour *hour;
    size_t hour_count, hour_cap;
};

void kms_keeper_desk_done(struct kms_keeper_desk *desk);
/* Opens the store, and sets a damaged one aside. Fills status. */
void kms_keeper_desk_open(struct kms_keeper_desk *desk);
/* Whether the numbers can be read; NULL is not. */
bool kms_keeper_desk_can_read(struct kms_store *store);
/* All of it. */
void kms_keeper_desk_work(struct kms_keeper_desk *desk);

#endif
