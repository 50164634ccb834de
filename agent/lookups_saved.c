/* Whether the next process should know more than what was saved. */
#include "agent/lookups_memory.h"
#include "agent/lookups_parts.h"

#define SAVE_MS 600000 /* where nothing but times is new */

bool kms_lookups_unsaved(void *arg)
{
    const struct kms_lookups *l = arg;
    return l->made != l->saved;
}

enum kms_status kms_lookups_render(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark)
{
    struct kms_lookups *l = arg;
    kms_discover_follow_clock(&l->config, &l->discovery);
    enum kms_status status = kms_lookups_remember(&l->config, &l->discovery, ret_text);
    if (status == KMS_OK) {
        *ret_mark = l->made;
    }
    return status;
}

void kms_lookups_saved(void *arg, uint64_t mark)
{
    struct kms_lookups *l = arg;
    l->saved = mark;
}

void kms_lookups_unsave(struct kms_lookups *l)
{
    l->made++;
    l->made_us = kms_lookups_now_us(l);
}

void kms_lookups_tell_unsaved(struct kms_lookups *l)
{
    kms_lookups_unsave(l);
    if (l->config.seen_changed) {
        l->config.seen_changed(l->config.arg);
    }
}

void kms_lookup_note(struct kms_lookup *lookup, bool has_changed)
{
    struct kms_lookups *l = lookup->lookups;
    uint64_t print = kms_lookups_print(kms_zones_get(l->config.zones, lookup->zone));
    bool is_time = kms_lookups_now_us(l) - l->made_us >= SAVE_MS * INT64_C(1000);
    if (!has_changed && !is_time && print == lookup->print) {
        return;
    }
    lookup->print = print;
    kms_lookups_tell_unsaved(l);
}
