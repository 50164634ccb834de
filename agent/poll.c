/* One source of one host, from its time to its answer: it waits, asks, publishes and is planned
 * again. */
#include "agent/scheduler_parts.h"

#include <stdlib.h>

#include "agent/news.h"
#include "agent/pace.h"
#include "agent/turns.h"
#include "base/text.h"

#define SLOW_US (INT64_C(1000) * KMS_SCHEDULER_PATIENCE_MS)

#define SLICE_POLLS 16 /* are started before others have their turn on the loop */
#define BURST_POLLS 32 /* may be started at once */
#define START_US    (INT64_C(1000000) / KMS_SCHEDULER_STARTS_MAX)
#define OUTAGE_US   10000000 /* a poll that is later than that was missed */

int64_t kms_scheduler_now_us(const struct kms_scheduler *s)
{
    return kms_clock_mono_us(&s->config.env->clock);
}

const struct kms_snapshot *kms_scheduler_snapshot(const struct kms_scheduler *s, size_t slot)
{
    return kms_board_snapshot(s->config.board, slot);
}

struct kms_lane *kms_poll_lane(struct kms_scheduler *s, size_t slot, enum kms_source source)
{
    switch (source) {
    case KMS_SOURCE_RPC:
        return &s->lane[LANE_SOCKETS];
    case KMS_SOURCE_ACTIVATION:
        return &s->lane[LANE_ACTIVATION];
    case KMS_SOURCE_WSMAN:
        return &s->lane[LANE_WSMAN];
    default: {
        const char *url = kms_scheduler_snapshot(s, slot)->target->source[source].url;
        return &s->lane[url && kms_text_starts(url, "http") ? LANE_HTTP : LANE_FILES];
    }
    }
}

void kms_scheduler_tell(const struct kms_scheduler *s)
{
    if (s->config.published) {
        s->config.published(s->config.arg);
    }
}

struct poll *kms_poll_first(const struct kms_scheduler *s, size_t slot)
{
    return slot < s->slot_count ? s->of_slot[slot] : NULL;
}

static void mark_told(const struct kms_scheduler *s, size_t slot)
{
    for (struct poll *poll = kms_poll_first(s, slot); poll; poll = poll->next) {
        poll->told_same = true;
    }
}

/* One line for both: either may be the first to answer. */
static void tell_of_same(struct poll *poll)
{
    const struct kms_scheduler *s = poll->scheduler;
    size_t other;
    if (kms_news_same_host(s->config.log, s->config.board, poll->slot, &other)) {
        mark_told(s, other);
        mark_told(s, poll->slot);
    }
}

static void publish(struct poll *poll, const struct kms_result *result)
{
    struct kms_scheduler *s = poll->scheduler;
    const struct kms_log *log = s->config.log;
    struct kms_change change = {0};
    enum kms_status status = kms_board_publish(s->config.board, poll->slot, result, &change);
    const struct kms_snapshot *snapshot = kms_scheduler_snapshot(s, poll->slot);
    if (status != KMS_OK) {
        kms_log_write(log, KMS_LOG_ERROR, "%s %s: %s, keeping the result before", poll->type->name,
                      snapshot->target->name, kms_status_text(status));
        return;
    }
    kms_news_outcome(log, poll->type->name, snapshot, result, &change);
    kms_news_state(log, snapshot, &change);
    if (result->source == KMS_SOURCE_ACTIVATION && !poll->told_same) {
        tell_of_same(poll);
    }
    kms_scheduler_tell(s);
}

/* ---- when it is asked ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the next may start: a few at once, and then no more than the bound allows, since thousands
 * of connections at once look like an attack and leave no time to answer managers. */
static int64_t next_start_us(const struct kms_scheduler *s)
{
    return s->paid_us - BURST_POLLS * START_US;
}

/* The pump runs when something is due, or at once when a slice was not enough. */
void kms_scheduler_set_pump(struct kms_scheduler *s)
{
    const struct kms_due *first = kms_dues_first(&s->dues);
    int64_t now = kms_scheduler_now_us(s);
    int64_t start_us = next_start_us(s) > now ? next_start_us(s) : now;
    int64_t next_us = first ? first->at_us : INT64_MAX;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        next_us = earlier(next_us, kms_lane_may_start(&s->lane[i])
                                       ? start_us
                                       : kms_lane_make_way(&s->lane[i], now));
    }
    for (const struct kms_probe_now *p = s->probe_now; p; p = p->next) {
        next_us = p->left == 0 ? now : next_us;
    }
    if (next_us < s->pump_us) {
        s->pump_us = next_us;
        kms_timer_set(s->pump, next_us > now ? (next_us - now + 999) / 1000 : 0);
    }
}

void kms_poll_plan(struct poll *poll, int64_t at_us)
{
    struct kms_scheduler *s = poll->scheduler;
    kms_dues_take(&s->dues, &poll->due);
    poll->due.at_us = at_us;
    kms_dues_put(&s->dues, &poll->due);
}

bool kms_poll_is_backed_off(const struct poll *poll)
{
    return kms_pace_back_off(poll->silent, poll->scheduler->config.back_off_max) > 1;
}

void kms_poll_count_silent(struct poll *poll, unsigned silent)
{
    struct kms_scheduler *s = poll->scheduler;
    s->backed_off -= kms_poll_is_backed_off(poll) ? 1 : 0;
    poll->silent = silent;
    s->backed_off += kms_poll_is_backed_off(poll) ? 1 : 0;
}

/* Activation has no time of its own: its interval counts from the last request. */
static void plan_next(struct poll *poll)
{
    int64_t now = kms_scheduler_now_us(poll->scheduler);
    int64_t asked_us = earlier(poll->due.at_us, poll->began_us);
    if (poll->type->source == KMS_SOURCE_ACTIVATION) {
        kms_poll_plan(poll, kms_pace_next_us(poll->due.at_us % poll->interval_us, poll->interval_us,
                                             1, asked_us, now));
        return;
    }
    unsigned times = kms_pace_back_off(poll->silent, poll->scheduler->config.back_off_max);
    kms_poll_plan(poll, kms_pace_next_us(poll->phase_us, poll->interval_us, times, asked_us, now));
}

static void plan_rest(struct poll *poll, int64_t rest_us)
{
    kms_poll_plan(poll, kms_scheduler_now_us(poll->scheduler) + rest_us);
}

/* A poll of activation that comes too early tells what is remembered of the last request, whoever
 * sent that: the next one is due an interval after it. */
static void plan_activation(struct poll *poll, const struct kms_result *result)
{
    const struct kms_clock *clock = &poll->scheduler->config.env->clock;
    int64_t rest_us = kms_turn_rest_us(poll->interval_us, kms_clock_wall_s(clock) - result->data_s);
    plan_rest(poll, rest_us);
}

/* A host that has no room for us, and one that refuses the login: a few more attempts may lock the
 * account out. */
static bool wants_rest(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_WSMAN_QUOTA || outcome == KMS_OUTCOME_WSMAN_UNAVAILABLE ||
           outcome == KMS_OUTCOME_WSMAN_NO_ROOM || outcome == KMS_OUTCOME_WSMAN_REFUSED ||
           outcome == KMS_OUTCOME_WSMAN_UNAUTHENTICATED;
}

/* Nothing there says anything: a dead host, or none. A refusal costs little, and comes from a
 * machine that lives. */
static bool is_silent(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_TIMEOUT || outcome == KMS_OUTCOME_RPC_TIMEOUT ||
           outcome == KMS_OUTCOME_RPC_UNREACHABLE || outcome == KMS_OUTCOME_RPC_UNRESOLVED ||
           outcome == KMS_OUTCOME_HTTP_RESOLVE || outcome == KMS_OUTCOME_WSMAN_UNRESOLVED;
}

static void plan_after(struct poll *poll, const struct kms_result *result)
{
    kms_poll_count_silent(poll, is_silent(result->outcome) ? poll->silent + 1 : 0);
    poll->rest_us = wants_rest(result->outcome)
                        ? kms_turn_longer_us(poll->interval_us, poll->rest_us)
                        : 0;
    if (poll->rest_us > 0) {
        plan_rest(poll, poll->rest_us);
    } else if (poll->type->source == KMS_SOURCE_ACTIVATION && result->data_s != 0) {
        plan_activation(poll, result);
    } else {
        plan_next(poll);
    }
}

/* ---- what is counted ---- */

bool kms_poll_is_in_rounds(const struct poll *poll)
{
    return poll->type->source != KMS_SOURCE_ACTIVATION;
}

void kms_scheduler_begin_round(struct kms_scheduler *s)
{
    s->round++;
    s->round_began_us = kms_scheduler_now_us(s);
    s->round_left = 0;
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (const struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            s->round_left += kms_poll_is_in_rounds(poll) ? 1 : 0;
        }
    }
}

static void leave_round(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    if (!kms_poll_is_in_rounds(poll) || poll->round == s->round) {
        return;
    }
    poll->round = s->round;
    if (--s->round_left == 0) {
        s->round_us = kms_scheduler_now_us(s) - s->round_began_us;
        kms_scheduler_begin_round(s);
    }
}

/* For those that asked for it. */
static void count_answer(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    for (struct kms_probe_now *p = s->probe_now; p && poll->asked_by != 0; p = p->next) {
        if ((poll->asked_by & p->bit) != 0) {
            p->left--;
            p->probed.wall_us = kms_scheduler_now_us(s) - p->began_us;
        }
    }
    poll->asked_by = 0;
}

static void count_lag(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    int64_t late_us = kms_scheduler_now_us(s) - poll->due.at_us;
    if (poll->known_slow) {
        return;
    }
    s->lag_us = late_us > s->lag_us ? late_us : s->lag_us;
    s->lag_worst_us = late_us > s->lag_worst_us ? late_us : s->lag_worst_us;
}

/* ---- asking ---- */

static void leave_lane(struct poll *poll)
{
    kms_lane_leave(poll->lane, &poll->place);
}

void kms_poll_ended(struct poll *poll)
{
    leave_round(poll);
    count_answer(poll);
}

void kms_held_let_go(struct held *held)
{
    if (held && --held->users == 0) {
        kms_target_done(held->target);
        free(held->target);
        free(held);
    }
}

/* It does not run any more. */
static void end_run(struct poll *poll)
{
    kms_held_let_go(poll->held);
    poll->held = NULL;
    poll->run = NULL;
}

static void run_done(void *arg, const struct kms_result *result)
{
    struct poll *poll = arg;
    struct kms_scheduler *s = poll->scheduler;
    end_run(poll);
    s->ended++;
    poll->known_slow = !kms_outcome_good(result->outcome) &&
                       kms_scheduler_now_us(s) - poll->began_us >= SLOW_US;
    publish(poll, result);
    leave_lane(poll);
    plan_after(poll, result);
    kms_poll_ended(poll);
    kms_scheduler_start_waiting(s, 1);
}

static void start_failed(struct poll *poll)
{
    struct kms_result result;
    kms_result_init(&result, poll->type->source);
    result.outcome = KMS_OUTCOME_NO_MEMORY;
    result.wall_s = kms_clock_wall_s(&poll->scheduler->config.env->clock);
    publish(poll, &result);
    kms_result_done(&result);
    leave_lane(poll);
    plan_next(poll);
    kms_poll_ended(poll);
}

static void start(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    count_lag(poll);
    poll->began_us = kms_scheduler_now_us(s);
    poll->run = kms_run_start(s->config.env, poll->type,
                              kms_scheduler_snapshot(s, poll->slot)->target, run_done, poll);
    if (poll->run) {
        s->started++;
    } else {
        start_failed(poll);
    }
}

static void pay(struct kms_scheduler *s)
{
    int64_t now = kms_scheduler_now_us(s);
    s->paid_us = (s->paid_us > now ? s->paid_us : now) + START_US;
}

/* One of each lane by turns, so that none waits for another. */
static bool start_one_of_each(struct kms_scheduler *s)
{
    bool any = false;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        struct kms_place *place = kms_lane_next(&s->lane[i], kms_scheduler_now_us(s));
        if (place) {
            any = true;
            pay(s);
            start(place->owner);
        }
    }
    return any;
}

void kms_scheduler_start_waiting(struct kms_scheduler *s, size_t most)
{
    for (size_t i = 0;
         i < most && next_start_us(s) <= kms_scheduler_now_us(s) && start_one_of_each(s); i++) {
    }
    kms_scheduler_set_pump(s);
}

/* A time that passed long ago, while the machine stood still: as many did, and all of them at once
 * would be a burst. */
static bool was_missed(const struct poll *poll, int64_t now)
{
    return now - poll->due.at_us > OUTAGE_US && !poll->was_left_out && kms_poll_is_in_rounds(poll);
}

/* Within half an interval, spread as ever, or at its next time when that is nearer. */
static void make_up(struct poll *poll, int64_t now)
{
    int64_t next_us = kms_pace_next_us(poll->phase_us, poll->interval_us, 1,
                                       now - poll->interval_us, now);
    kms_poll_plan(poll, earlier(next_us, now + poll->phase_us % (poll->interval_us / 2)));
}

static void take_due(struct kms_scheduler *s)
{
    int64_t now = kms_scheduler_now_us(s);
    struct kms_due *due = kms_dues_first(&s->dues);
    for (; due && due->at_us <= now; due = kms_dues_first(&s->dues)) {
        struct poll *poll = due->owner;
        kms_dues_take(&s->dues, due);
        bool missed = was_missed(poll, now);
        poll->was_left_out = missed;
        if (missed) {
            count_lag(poll);
            make_up(poll, now);
        } else {
            kms_lane_ask(poll->lane, &poll->place, poll->known_slow, false, now);
        }
    }
}

void kms_scheduler_pump(void *arg)
{
    struct kms_scheduler *s = arg;
    s->pump_us = INT64_MAX;
    take_due(s);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        (void)kms_lane_make_way(&s->lane[i], kms_scheduler_now_us(s));
    }
    kms_scheduler_start_waiting(s, SLICE_POLLS);
    kms_scheduler_end_probe_nows(s);
}

/* Nothing waits for it any more, and what runs is cancelled. */
void kms_poll_quit(struct poll *poll)
{
    kms_dues_take(&poll->scheduler->dues, &poll->due);
    leave_lane(poll);
    poll->scheduler->ended += poll->run ? 1 : 0;
    kms_run_cancel(poll->run);
    end_run(poll);
}
