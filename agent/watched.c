/* A hash table of texts that the board's targets own: built anew when one of them may be gone. */
#include "agent/watched.h"

#include <stdlib.h>

#include "base/text.h"

#define LEAST_CAP ((size_t)64)

static uint32_t hash_of(const char *text)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *c = text; *c; c++) {
        hash = (hash ^ (uint8_t)kms_text_lower(*c)) * UINT32_C(16777619);
    }
    return hash;
}

static const char *text_of(const struct kms_board *board, const struct kms_watched_entry *entry)
{
    const struct kms_target *target = kms_board_snapshot(board, entry->slot)->target;
    return entry->is_name ? target->name : target->address;
}

static void put(struct kms_watched *watched, const struct kms_watched_entry *entry)
{
    size_t at = entry->hash & (watched->cap - 1);
    while (watched->entry[at].used) {
        at = (at + 1) & (watched->cap - 1);
    }
    watched->entry[at] = *entry;
}

/* At most half of the table is used. */
static bool make_room(struct kms_watched *watched, size_t more)
{
    size_t cap = watched->cap > 0 ? watched->cap : LEAST_CAP;
    while ((watched->count + more) * 2 > cap) {
        cap *= 2;
    }
    if (cap == watched->cap) {
        return true;
    }
    struct kms_watched grown = {.entry = calloc(cap, sizeof *grown.entry), .cap = cap};
    if (!grown.entry) {
        return false;
    }
    for (size_t i = 0; i < watched->cap; i++) {
        if (watched->entry[i].used) {
            put(&grown, &watched->entry[i]);
        }
    }
    free(watched->entry);
    watched->entry = grown.entry;
    watched->cap = cap;
    return true;
}

static void add(struct kms_watched *watched, const char *text, size_t slot, bool is_name)
{
    const struct kms_watched_entry entry = {
        .slot = slot, .hash = hash_of(text), .used = true, .is_name = is_name};
    put(watched, &entry);
    watched->count++;
}

/* Room for two more is there. */
static void add_host(struct kms_watched *watched, const struct kms_board *board, size_t slot)
{
    const struct kms_target *target = kms_board_snapshot(board, slot)->target;
    add(watched, target->name, slot, true);
    if (target->address && !kms_text_equal_nocase(target->address, target->name)) {
        add(watched, target->address, slot, false);
    }
}

enum kms_status kms_watched_sync(struct kms_watched *watched, const struct kms_board *board)
{
    if (watched->turnover != kms_board_turnover(board)) {
        kms_watched_done(watched);
        watched->turnover = kms_board_turnover(board);
    }
    for (; watched->slots < kms_board_count(board); watched->slots++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, watched->slots);
        if (snapshot->retired) {
            continue;
        }
        if (!make_room(watched, 2)) {
            return KMS_ENOMEM;
        }
        add_host(watched, board, watched->slots);
    }
    return KMS_OK;
}

void kms_watched_added(struct kms_watched *watched, const struct kms_board *board, size_t slot)
{
    bool is_next = watched->turnover + 1 == kms_board_turnover(board);
    if (slot < watched->slots && is_next && make_room(watched, 2)) {
        add_host(watched, board, slot);
        watched->turnover++;
    }
}

void kms_watched_done(struct kms_watched *watched)
{
    free(watched->entry);
    *watched = (struct kms_watched){0};
}

bool kms_watched_next(const struct kms_watched *watched, const struct kms_board *board,
                      const char *text, size_t *at, size_t *ret_slot, bool *ret_is_name)
{
    uint32_t hash = hash_of(text);
    for (size_t step = *at; step < watched->cap; step++) {
        const struct kms_watched_entry *entry = &watched->entry[(hash + step) & (watched->cap - 1)];
        if (!entry->used) {
            return false;
        }
        if (entry->hash == hash && kms_text_equal_nocase(text_of(board, entry), text)) {
            *at = step + 1;
            *ret_slot = entry->slot;
            *ret_is_name = entry->is_name;
            return true;
        }
    }
    return false;
}
