/* The hosts of the board by the names and addresses that they are called by, so that thousands of
 * records can be asked about. */
#ifndef KMS_AGENT_WATCHED_H
#define KMS_AGENT_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/board.h"

struct kms_watched_entry {
    size_t slot;
    uint32_t hash;
    bool used;
    bool is_name; /* else the address, where it is another text */
};

/* {0} at the start. */
struct kms_watched {
    struct kms_watched_entry *entry; /* open addressing */
    size_t count, cap;               /* cap: 0 or a power of two */
    size_t slots;                    /* of the board that are in it */
    uint64_t turnover;               /* of the board, when they were put there */
};

/* Takes in what is new on the board. KMS_ENOMEM: not all of it is there. */
enum kms_status kms_watched_sync(struct kms_watched *watched, const struct kms_board *board);
/* A host was added to the board since the last sync, and nothing else happened there: the next sync
 * need not look at all others again when it took the slot of a retired one. */
void kms_watched_added(struct kms_watched *watched, const struct kms_board *board, size_t slot);
void kms_watched_done(struct kms_watched *watched);

/* Steps through the hosts that text is the name or the address of, ASCII case ignored: *at is 0 at
 * first and is moved on. False: there is no other. ret_is_name: by its name. */
bool kms_watched_next(const struct kms_watched *watched, const struct kms_board *board,
                      const char *text, size_t *at, size_t *ret_slot, bool *ret_is_name);

#endif
