/* Another configuration while probes are in flight: targets and intervals that change. */
#include "agent/scheduler_parts.h"

#include <stdlib.h>

#include "agent/pace.h"

/* What runs needs its target for longer than the board does. NULL: out of memory. */
static struct held *hold(struct kms_target *was)
{
    struct held *held = malloc(sizeof *held);
    if (held) {
        *held = (struct held){.target = was, .users = 1};
    }
    return held;
}

/* It is asked again soon: what it tells is of a question that nobody has any more. */
static void ask_anew(struct poll *poll, int64_t delay_us)
{
    struct kms_scheduler *s = poll->scheduler;
    kms_poll_quit(poll);
    poll->lane = kms_poll_lane(s, poll->slot, poll->type->source);
    poll->rest_us = 0;
    poll->known_slow = false;
    kms_poll_count_silent(poll, 0);
    kms_poll_plan(poll, kms_scheduler_now_us(s) + delay_us);
}

/* What is due later than a shorter interval is due within it, at its own time there. */
static void pace_anew(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    int64_t now = kms_scheduler_now_us(s);
    kms_poll_set_interval(poll);
    bool waits = poll->due.place != 0 && poll->due.at_us > now && poll->rest_us == 0;
    if (waits && poll->due.at_us - now > poll->interval_us) {
        kms_poll_plan(poll, kms_pace_next_us(poll->phase_us, poll->interval_us, 1,
                                             now - poll->interval_us / 2, now));
    }
}

static void follow(struct poll *poll, struct held *held, bool anew, int64_t delay_us)
{
    if (poll->run && held && !poll->held) {
        poll->held = held;
        held->users++;
    }
    pace_anew(poll);
    if (anew) {
        ask_anew(poll, delay_us);
    }
}

static void follow_all(struct kms_scheduler *s, size_t slot, struct held *held, uint32_t anew,
                       int64_t delay_us)
{
    const struct kms_target *target = kms_scheduler_snapshot(s, slot)->target;
    struct poll **at = slot < s->slot_count ? &s->of_slot[slot] : NULL;
    while (at && *at) {
        enum kms_source source = (*at)->type->source;
        if (target->source[source].enabled) {
            follow(*at, held, (anew & KMS_BIT(source)) != 0, delay_us);
            at = &(*at)->next;
        } else {
            kms_poll_drop(s, at);
        }
    }
}

static bool is_polled(const struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    const struct poll *poll = kms_poll_first(s, slot);
    while (poll && poll->type != type) {
        poll = poll->next;
    }
    return poll != NULL;
}

static enum kms_status add_missing(struct kms_scheduler *s, size_t slot, int64_t delay_us)
{
    const struct kms_target *target = kms_scheduler_snapshot(s, slot)->target;
    for (size_t i = 0; s->config.types[i]; i++) {
        const struct kms_probe_type *type = s->config.types[i];
        if (!target->source[type->source].enabled || is_polled(s, slot, type)) {
            continue;
        }
        if (!kms_poll_add(s, slot, type)) {
            return KMS_ENOMEM;
        }
        kms_poll_plan(s->of_slot[slot], kms_scheduler_now_us(s) + delay_us);
    }
    return KMS_OK;
}

enum kms_status kms_scheduler_retarget(struct kms_scheduler *s, size_t slot, struct kms_target *was,
                                       uint32_t anew, int64_t delay_ms)
{
    struct held *held = was ? hold(was) : NULL;
    uint32_t all = UINT32_MAX;
    /* Without memory to hold it nothing may run with it. */
    follow_all(s, slot, held, was && !held ? all : anew, delay_ms * 1000);
    if (held) {
        kms_held_let_go(held);
    } else if (was) {
        kms_target_done(was);
        free(was);
    }
    enum kms_status status = add_missing(s, slot, delay_ms * 1000);
    kms_scheduler_start_waiting(s, 1);
    return status;
}

void kms_scheduler_set_interval(struct kms_scheduler *s, int64_t interval_ms)
{
    s->config.interval_ms = interval_ms;
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            pace_anew(poll);
        }
    }
    kms_scheduler_set_pump(s);
}

void kms_scheduler_set_back_off(struct kms_scheduler *s, unsigned back_off_max)
{
    s->config.back_off_max = back_off_max > 0 ? back_off_max : KMS_SCHEDULER_BACK_OFF_MAX;
    s->backed_off = 0;
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (const struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            s->backed_off += kms_poll_is_backed_off(poll) ? 1 : 0;
        }
    }
}
