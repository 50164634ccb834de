/* Hosts that a person asks for: at once, and with an answer when the last of them answered. */
#include "agent/scheduler_parts.h"

#include <stdlib.h>

static struct kms_probe_now **find_ended(struct kms_scheduler *s)
{
    struct kms_probe_now **at = &s->probe_now;
    while (*at && (*at)->left > 0) {
        at = &(*at)->next;
    }
    return *at ? at : NULL;
}

/* What is called may ask again, and drop hosts. */
void kms_scheduler_end_probe_nows(struct kms_scheduler *s)
{
    for (struct kms_probe_now **at = find_ended(s); at; at = find_ended(s)) {
        struct kms_probe_now ended = **at;
        free(*at);
        *at = ended.next;
        s->probe_now_bits &= ~ended.bit;
        s->sweep_us = ended.all ? ended.probed.wall_us : s->sweep_us;
        ended.done(ended.arg, &ended.probed);
    }
}

static bool may_ask(const struct poll *poll, const struct kms_probe_now *p)
{
    return poll->type->source != KMS_SOURCE_ACTIVATION && (!p->all || poll->rest_us == 0);
}

static void ask_now(struct poll *poll, struct kms_probe_now *p)
{
    struct kms_scheduler *s = poll->scheduler;
    if (!may_ask(poll, p)) {
        return;
    }
    poll->asked_by |= p->bit;
    p->left++;
    p->probed.polls++;
    kms_poll_count_silent(poll, 0);
    if (!poll->run && (poll->place.state == KMS_PLACE_NONE || !p->all)) {
        kms_dues_take(&s->dues, &poll->due);
        kms_lane_leave(poll->lane, &poll->place);
        kms_lane_ask(poll->lane, &poll->place, poll->known_slow && p->all, !p->all,
                     kms_scheduler_now_us(s));
    }
}

static void ask_host_now(struct kms_scheduler *s, size_t slot, struct kms_probe_now *p)
{
    for (struct poll *poll = kms_poll_first(s, slot); poll; poll = poll->next) {
        ask_now(poll, p);
    }
}

struct kms_probe_now *kms_scheduler_probe_now(struct kms_scheduler *s, size_t slot,
                                              kms_probed_fn *done, void *arg)
{
    uint64_t bit = ~s->probe_now_bits & (s->probe_now_bits + 1); /* the lowest that is free */
    struct kms_probe_now *p = bit != 0 ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        return NULL;
    }
    *p = (struct kms_probe_now){.next = s->probe_now,
                                .done = done,
                                .arg = arg,
                                .began_us = kms_scheduler_now_us(s),
                                .bit = bit,
                                .all = slot == KMS_SCHEDULER_ALL};
    s->probe_now = p;
    s->probe_now_bits |= bit;
    size_t first = p->all ? 0 : slot;
    size_t end = p->all ? s->slot_count : slot + 1;
    for (size_t i = first; i < end; i++) {
        ask_host_now(s, i, p);
    }
    kms_scheduler_set_pump(s);
    return p;
}

void kms_scheduler_forget(struct kms_scheduler *s, struct kms_probe_now *probe_now)
{
    struct kms_probe_now **at = &s->probe_now;
    while (*at && *at != probe_now) {
        at = &(*at)->next;
    }
    if (!*at) {
        return;
    }
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            poll->asked_by &= ~probe_now->bit;
        }
    }
    s->probe_now_bits &= ~probe_now->bit;
    *at = probe_now->next;
    free(probe_now);
}

void kms_scheduler_free_probe_nows(struct kms_scheduler *s)
{
    while (s->probe_now) {
        struct kms_probe_now *p = s->probe_now;
        s->probe_now = p->next;
        free(p);
    }
}
