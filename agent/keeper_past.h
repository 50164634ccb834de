/* Finds the host that a name means among those that the store has hours of, watched or not. */
#ifndef KMS_AGENT_KEEPER_PAST_H
#define KMS_AGENT_KEEPER_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "store/store.h"

#define KMS_KEEPER_PAST_NEAR 3

struct kms_keeper_past {
    char host[KMS_HISTORY_NAME_SIZE]; /* in lower case; "": none, or more than one */
    bool is_whole;                    /* the name is all of its name */
    int64_t last_s;                   /* its last hour */
    size_t fitting;                   /* hosts that the name may mean */
    /* where it means none: those with names like it, the nearest first; else those that it means */
    char near[KMS_KEEPER_PAST_NEAR][KMS_HISTORY_NAME_SIZE];
    size_t near_count;
};

/* The name is a host's whole name, or its first label where no other host begins so. Blocks. */
enum kms_status kms_keeper_past_find(struct kms_store *store, const char *name,
                                     struct kms_keeper_past *ret, struct kms_fault *fault);

#endif
