/* Names by their hashes, in a table with open places; a batch leaves its names here while it is
 * being written. */
#include "agent/keeper_held.h"

#include <stdlib.h>

#include "base/text.h"

#define CAP_MIN 64

/* Numbers are for good, and there are as many of them as of all the others together. */
static const enum kms_store_kind kinds[] = {KMS_STORE_RESULT, KMS_STORE_WINDOW, KMS_STORE_ALARM,
                                            KMS_STORE_NOTICE, KMS_STORE_META};

static bool is_listed(enum kms_store_kind kind)
{
    for (size_t i = 0; i < KMS_COUNT_OF(kinds); i++) {
        if (kinds[i] == kind) {
            return true;
        }
    }
    return false;
}

/* ---- the set ---- */

static uint64_t mark_of(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

/* Its place, or the free one where it would be. */
static size_t place(const struct kms_keeper_names *names, uint64_t mark)
{
    size_t at = mark & (names->cap - 1);
    while (names->slot[at] != 0 && names->slot[at] != mark) {
        at = (at + 1) & (names->cap - 1);
    }
    return at;
}

bool kms_keeper_names_has(const struct kms_keeper_names *names, uint64_t hash)
{
    if (names->blind || names->cap == 0) {
        return names->blind;
    }
    return names->slot[place(names, mark_of(hash))] != 0;
}

static bool grow(struct kms_keeper_names *names)
{
    if (names->count < names->cap - names->cap / 4) {
        return true;
    }
    struct kms_keeper_names grown = {.cap = names->cap == 0 ? CAP_MIN : names->cap * 2};
    grown.slot = calloc(grown.cap, sizeof *grown.slot);
    if (!grown.slot) {
        return false;
    }
    for (size_t i = 0; i < names->cap; i++) {
        if (names->slot[i] != 0) {
            grown.slot[place(&grown, names->slot[i])] = names->slot[i];
        }
    }
    free(names->slot);
    names->slot = grown.slot;
    names->cap = grown.cap;
    return true;
}

static void go_blind(struct kms_keeper_names *names)
{
    kms_keeper_names_done(names);
    names->blind = true;
}

void kms_keeper_names_add(struct kms_keeper_names *names, uint64_t hash)
{
    if (names->blind) {
        return;
    }
    if (!grow(names)) {
        go_blind(names);
        return;
    }
    size_t at = place(names, mark_of(hash));
    names->count += names->slot[at] == 0 ? 1 : 0;
    names->slot[at] = mark_of(hash);
}

/* Those behind it that would not be found over the gap move up. */
static void take(struct kms_keeper_names *names, uint64_t hash)
{
    if (!kms_keeper_names_has(names, hash) || names->blind) {
        return;
    }
    size_t last = names->cap - 1;
    size_t gap = place(names, mark_of(hash));
    for (size_t at = (gap + 1) & last; names->slot[at] != 0; at = (at + 1) & last) {
        size_t home = names->slot[at] & last;
        if (((at - home) & last) >= ((at - gap) & last)) {
            names->slot[gap] = names->slot[at];
            gap = at;
        }
    }
    names->slot[gap] = 0;
    names->count--;
}

void kms_keeper_names_done(struct kms_keeper_names *names)
{
    free(names->slot);
    *names = (struct kms_keeper_names){0};
}

struct reading {
    struct kms_keeper_names *names;
    enum kms_store_kind kind;
};

static void add_row(void *arg, const char *name, const char *bytes, size_t len)
{
    const struct reading *reading = arg;
    (void)bytes;
    (void)len;
    kms_keeper_names_add(reading->names, kms_keeper_map_hash(reading->kind, name));
}

void kms_keeper_names_read(struct kms_keeper_names *ret, struct kms_store *store)
{
    kms_keeper_names_done(ret);
    for (size_t i = 0; i < KMS_COUNT_OF(kinds); i++) {
        struct reading reading = {.names = ret, .kind = kinds[i]};
        if (kms_store_each(store, kinds[i], add_row, &reading, NULL) != KMS_OK) {
            go_blind(ret);
            return;
        }
    }
}

/* ---- the batch ---- */

static void forget_batch(struct kms_keeper_held *held)
{
    free(held->put);
    free(held->removed);
    held->put = NULL;
    held->removed = NULL;
    held->put_count = 0;
    held->removed_count = 0;
}

void kms_keeper_held_done(struct kms_keeper_held *held)
{
    forget_batch(held);
    kms_keeper_names_done(&held->disk);
}

bool kms_keeper_held_may(const struct kms_keeper_held *held, enum kms_store_kind kind,
                         uint64_t hash)
{
    return !is_listed(kind) || kms_keeper_names_has(&held->disk, hash);
}

static void send_item(void *arg, const struct kms_keeper_item *item)
{
    struct kms_keeper_held *held = arg;
    if (item->removed) {
        held->removed[held->removed_count++] = item->hash;
    } else if (is_listed(item->kind) && !kms_keeper_names_has(&held->disk, item->hash)) {
        held->put[held->put_count++] = item->hash;
        kms_keeper_names_add(&held->disk, item->hash);
    }
}

void kms_keeper_held_send(struct kms_keeper_held *held, const struct kms_keeper_map *batch)
{
    size_t room = batch->count > 0 ? batch->count : 1;
    forget_batch(held);
    if (held->disk.blind) {
        return;
    }
    held->put = calloc(room, sizeof *held->put);
    held->removed = calloc(room, sizeof *held->removed);
    if (!held->put || !held->removed) {
        forget_batch(held);
        go_blind(&held->disk);
        return;
    }
    kms_keeper_map_each(batch, send_item, held);
}

void kms_keeper_held_back(struct kms_keeper_held *held, bool written)
{
    const uint64_t *gone = written ? held->removed : held->put;
    size_t count = written ? held->removed_count : held->put_count;
    kms_keeper_held_forget(held, gone, count);
    forget_batch(held);
}

void kms_keeper_held_forget(struct kms_keeper_held *held, const uint64_t *hash, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        take(&held->disk, hash[i]);
    }
}

void kms_keeper_held_replace(struct kms_keeper_held *held, struct kms_keeper_names *names)
{
    kms_keeper_names_done(&held->disk);
    held->disk = *names;
    *names = (struct kms_keeper_names){0};
}
