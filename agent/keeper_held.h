/* Which names the disk may hold: what was put and removed before it was written needs no removal
 * there. */
#ifndef KMS_AGENT_KEEPER_HELD_H
#define KMS_AGENT_KEEPER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper_map.h"
#include "store/store.h"

/* A set of hashes; zeroed is empty. Two names of one hash are one: both may be there then. */
struct kms_keeper_names {
    uint64_t *slot; /* 0: free */
    size_t cap, count;
    bool blind; /* memory ran out, or nobody could tell: it may be any name */
};

void kms_keeper_names_done(struct kms_keeper_names *names);
bool kms_keeper_names_has(const struct kms_keeper_names *names, uint64_t hash);
void kms_keeper_names_add(struct kms_keeper_names *names, uint64_t hash);
/* Those of the kinds that records are removed of. Blocks. */
void kms_keeper_names_read(struct kms_keeper_names *ret, struct kms_store *store);

struct kms_keeper_held {
    struct kms_keeper_names disk; /* what is written, and what is being written */
    uint64_t *put,
        *removed; /* by the batch that is being written: what the disk had not, and had */
    size_t put_count, removed_count;
};

void kms_keeper_held_done(struct kms_keeper_held *held);
bool kms_keeper_held_may(const struct kms_keeper_held *held, enum kms_store_kind kind,
                         uint64_t hash);
/* The batch goes to be written. */
void kms_keeper_held_send(struct kms_keeper_held *held, const struct kms_keeper_map *batch);
/* It was written, all of it or nothing. */
void kms_keeper_held_back(struct kms_keeper_held *held, bool written);
/* These were removed without a batch. */
void kms_keeper_held_forget(struct kms_keeper_held *held, const uint64_t *hash, size_t count);
/* Another file stands there: names are moved from. */
void kms_keeper_held_replace(struct kms_keeper_held *held, struct kms_keeper_names *names);

#endif
