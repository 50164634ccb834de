/* What waits for the store: the newest of each record and hour, by kind and name. */
#ifndef KMS_AGENT_KEEPER_MAP_H
#define KMS_AGENT_KEEPER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "store/history.h"
#include "store/store.h"

struct kms_keeper_item {
    struct kms_keeper_item *next; /* of the same slot */
    uint64_t hash;
    enum kms_store_kind kind;
    bool removed;
    size_t name_len; /* with its zero byte, or bytes */
    size_t len;      /* of what follows the name */
    char name[];
};

#define KMS_KEEPER_HOUR ((enum kms_store_kind)0) /* names of host and key, and the hour */

/* Zeroed is empty. */
struct kms_keeper_map {
    struct kms_keeper_item **slot;
    size_t cap, count, hours;
};

void kms_keeper_map_done(struct kms_keeper_map *map);
/* KMS_ENOMEM changes nothing. */
enum kms_status kms_keeper_map_put(struct kms_keeper_map *map, enum kms_store_kind kind,
                                   const char *name, const void *bytes, size_t len, bool removed);
enum kms_status kms_keeper_map_put_hour(struct kms_keeper_map *map,
                                        const struct kms_history_hour *hour);
/* Forgets what waits of the name. */
void kms_keeper_map_drop(struct kms_keeper_map *map, enum kms_store_kind kind, const char *name);
uint64_t kms_keeper_map_hash(enum kms_store_kind kind, const char *name);
typedef void kms_keeper_item_fn(void *arg, const struct kms_keeper_item *item);
void kms_keeper_map_each(const struct kms_keeper_map *map, kms_keeper_item_fn *each, void *arg);
/* Moves what map has no newer word of from older, and frees the rest of it. A removal of what older
 * was to put stays when needed says so. */
typedef bool kms_keeper_needed_fn(void *arg, const struct kms_keeper_item *removal);
void kms_keeper_map_merge(struct kms_keeper_map *map, struct kms_keeper_map *older,
                          kms_keeper_needed_fn *needed, void *arg);
/* Writes all into the transaction that is open. */
enum kms_status kms_keeper_map_write(const struct kms_keeper_map *map, struct kms_store *store,
                                     struct kms_fault *fault);

#endif
