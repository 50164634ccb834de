/* What is due next, of very many. */
#ifndef KMS_AGENT_DUE_H
#define KMS_AGENT_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Inside of what is due. Zeroed: in no heap. */
struct kms_due {
    int64_t at_us; /* set before it is put in; not while it is in */
    size_t place;  /* in the heap, from 1; 0: in none */
    void *owner;
};

/* Zeroed is empty. */
struct kms_dues {
    struct kms_due **due;
    size_t count, room;
};

void kms_dues_done(struct kms_dues *dues);
/* Room for that many, so that putting in never fails. False: out of memory. */
bool kms_dues_reserve(struct kms_dues *dues, size_t count);
/* Puts it in; there must be room, and it is in none. */
void kms_dues_put(struct kms_dues *dues, struct kms_due *due);
/* Takes it out; nothing when it is not in. */
void kms_dues_take(struct kms_dues *dues, struct kms_due *due);
/* The earliest; NULL: none. */
struct kms_due *kms_dues_first(const struct kms_dues *dues);

#endif
