/* Removes from the store the records that somebody calls over, a bounded number of them at a time.
 */
#ifndef KMS_AGENT_KEEPER_SWEEP_H
#define KMS_AGENT_KEEPER_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "store/store.h"

/* Zeroed is none. arg is its own: nothing else may use it. */
struct kms_keeper_broom {
    /* Of each result and each window; on the keeper's thread. */
    bool (*is_over)(void *arg, enum kms_store_kind kind, const char *name, const char *bytes,
                    size_t len);
    void (*free)(void *arg); /* on any thread */
    void *arg;
};

void kms_keeper_broom_done(struct kms_keeper_broom *broom);

#define KMS_KEEPER_SWEEP_MAX 1000

struct kms_keeper_swept {
    uint64_t hash[KMS_KEEPER_SWEEP_MAX]; /* of the names (kms_keeper_map_hash) */
    size_t count;
};

/* One transaction; all of it, or on failure nothing. As many as there may be: there may be more. */
enum kms_status kms_keeper_sweep_store(const struct kms_keeper_broom *broom,
                                       struct kms_store *store, struct kms_keeper_swept *ret,
                                       struct kms_fault *fault);

#endif
