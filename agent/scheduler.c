/* Every source of every host at its time, in lanes that bound how many run at once, and the log
 * lines about what changed. */
#include "agent/scheduler.h"

#include <stdlib.h>

#include "agent/due.h"
#include "agent/lane.h"
#include "agent/news.h"
#include "agent/pace.h"
#include "agent/turns.h"
#include "base/text.h"

/* A target that was replaced while probes of it ran. */
struct held {
    struct kms_target *target;
    size_t users;
};

/* A source of a host. Never more than one run of it. It waits for its time in dues, or for its turn
 * in a lane, or runs. */
struct poll {
    struct kms_scheduler *scheduler;
    struct poll *next; /* of the same host */
    const struct kms_probe_type *type;
    size_t slot;
    struct kms_lane *lane;
    struct kms_due due;
    struct kms_place place;
    struct kms_run *run; /* NULL: not running */
    struct held *held;   /* what it runs with; NULL: the board's target */
    int64_t interval_us, phase_us;
    int64_t began_us;  /* the last time */
    int64_t rest_us;   /* after a host that wants to be left alone; 0: it does not */
    uint64_t asked_by; /* bits of struct kms_probe_now */
    uint64_t round;    /* that it was asked in */
    unsigned silent;   /* times in a row */
    bool known_slow;   /* it was silent for long the last time */
    bool was_left_out; /* the last time, since that had passed long ago */
    bool told_same;    /* that the host is asked under another name too */
};

/* Hosts that say nothing hold their turn until the deadline. Where a turn costs a socket and
 * nothing else, there are so many that the others need not wait for them; activation requests,
 * which need the disk too and are rare, wait for each other alone. Conversations over WS-Management
 * wait for a KDC too, and for each other alone. Reports in files need threads, of which those known
 * to hang may not take all. */
enum lane { LANE_FILES, LANE_HTTP, LANE_SOCKETS, LANE_ACTIVATION, LANE_WSMAN, LANE_COUNT };

/* Of the sixteen threads, with room for one that hangs for the first time. */
#define SLOW_FILES_MAX 10
#define SLOW_US        (INT64_C(1000) * KMS_SCHEDULER_PATIENCE_MS)

#define SLICE_POLLS 16 /* are started before others have their turn on the loop */
#define BURST_POLLS 32 /* may be started at once */
#define START_US    (1000000 / KMS_SCHEDULER_STARTS_MAX)
#define TICK_SLOTS  32
#define OUTAGE_US   10000000 /* a poll that is later than that was missed */

struct kms_probe_now {
    struct kms_probe_now *next;
    kms_probed_fn *done;
    void *arg;
    struct kms_probed probed;
    int64_t began_us;
    size_t left;
    uint64_t bit;
    bool all;
};

struct kms_scheduler {
    struct kms_scheduler_config config;
    struct poll **of_slot; /* the first source of each host; NULL: none */
    size_t slot_count, poll_count;
    struct kms_dues dues;
    struct kms_lane lane[LANE_COUNT];
    struct kms_timer *pump; /* for what is due next */
    int64_t pump_us;        /* INT64_MAX: it is not set */
    int64_t paid_us;        /* starts so far are paid for until then, each with START_US */
    struct kms_timer *tick;
    size_t tick_slot; /* the next that time is looked at for */
    struct kms_probe_now *probe_now;
    uint64_t probe_now_bits;
    int64_t lag_us;        /* worst since the last tick */
    int64_t lag_before_us; /* worst between the two ticks before */
    int64_t lag_worst_us;
    uint64_t started, ended;
    uint64_t round;
    size_t round_left; /* polls that were not asked in it */
    int64_t round_began_us, round_us, sweep_us;
    size_t backed_off;
};

static int64_t now_us(const struct kms_scheduler *s)
{
    return kms_clock_mono_us(&s->config.env->clock);
}

static const struct kms_snapshot *snapshot_of(const struct kms_scheduler *s, size_t slot)
{
    return kms_board_snapshot(s->config.board, slot);
}

static struct kms_lane *lane_of(struct kms_scheduler *s, size_t slot, enum kms_source source)
{
    switch (source) {
    case KMS_SOURCE_RPC:
        return &s->lane[LANE_SOCKETS];
    case KMS_SOURCE_ACTIVATION:
        return &s->lane[LANE_ACTIVATION];
    case KMS_SOURCE_WSMAN:
        return &s->lane[LANE_WSMAN];
    default: {
        const char *url = snapshot_of(s, slot)->target->source[source].url;
        return &s->lane[url && kms_text_starts(url, "http") ? LANE_HTTP : LANE_FILES];
    }
    }
}

static void tell(const struct kms_scheduler *s)
{
    if (s->config.published) {
        s->config.published(s->config.arg);
    }
}

static struct poll *first_of(const struct kms_scheduler *s, size_t slot)
{
    return slot < s->slot_count ? s->of_slot[slot] : NULL;
}

static void mark_told(const struct kms_scheduler *s, size_t slot)
{
    for (struct poll *poll = first_of(s, slot); poll; poll = poll->next) {
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
    const struct kms_snapshot *snapshot = snapshot_of(s, poll->slot);
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
    tell(s);
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
static void set_pump(struct kms_scheduler *s)
{
    const struct kms_due *first = kms_dues_first(&s->dues);
    int64_t now = now_us(s);
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

static void plan_at(struct poll *poll, int64_t at_us)
{
    struct kms_scheduler *s = poll->scheduler;
    kms_dues_take(&s->dues, &poll->due);
    poll->due.at_us = at_us;
    kms_dues_put(&s->dues, &poll->due);
}

static bool is_backed_off(const struct poll *poll)
{
    return kms_pace_back_off(poll->silent, poll->scheduler->config.back_off_max) > 1;
}

static void count_silent(struct poll *poll, unsigned silent)
{
    struct kms_scheduler *s = poll->scheduler;
    s->backed_off -= is_backed_off(poll) ? 1 : 0;
    poll->silent = silent;
    s->backed_off += is_backed_off(poll) ? 1 : 0;
}

/* Activation has no time of its own: its interval counts from the last request. */
static void plan_next(struct poll *poll)
{
    int64_t now = now_us(poll->scheduler);
    int64_t asked_us = earlier(poll->due.at_us, poll->began_us);
    if (poll->type->source == KMS_SOURCE_ACTIVATION) {
        plan_at(poll, kms_pace_next_us(poll->due.at_us % poll->interval_us, poll->interval_us, 1,
                                       asked_us, now));
        return;
    }
    unsigned times = kms_pace_back_off(poll->silent, poll->scheduler->config.back_off_max);
    plan_at(poll, kms_pace_next_us(poll->phase_us, poll->interval_us, times, asked_us, now));
}

static void plan_rest(struct poll *poll, int64_t rest_us)
{
    plan_at(poll, now_us(poll->scheduler) + rest_us);
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
    count_silent(poll, is_silent(result->outcome) ? poll->silent + 1 : 0);
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

static bool is_in_rounds(const struct poll *poll)
{
    return poll->type->source != KMS_SOURCE_ACTIVATION;
}

static void begin_round(struct kms_scheduler *s)
{
    s->round++;
    s->round_began_us = now_us(s);
    s->round_left = 0;
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (const struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            s->round_left += is_in_rounds(poll) ? 1 : 0;
        }
    }
}

static void leave_round(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    if (!is_in_rounds(poll) || poll->round == s->round) {
        return;
    }
    poll->round = s->round;
    if (--s->round_left == 0) {
        s->round_us = now_us(s) - s->round_began_us;
        begin_round(s);
    }
}

/* For those that asked for it. */
static void count_answer(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    for (struct kms_probe_now *p = s->probe_now; p && poll->asked_by != 0; p = p->next) {
        if ((poll->asked_by & p->bit) != 0) {
            p->left--;
            p->probed.wall_us = now_us(s) - p->began_us;
        }
    }
    poll->asked_by = 0;
}

static void count_lag(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    int64_t late_us = now_us(s) - poll->due.at_us;
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

static void start_waiting(struct kms_scheduler *s, size_t most);

static void poll_ended(struct poll *poll)
{
    leave_round(poll);
    count_answer(poll);
}

static void let_go(struct held *held)
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
    let_go(poll->held);
    poll->held = NULL;
    poll->run = NULL;
}

static void run_done(void *arg, const struct kms_result *result)
{
    struct poll *poll = arg;
    struct kms_scheduler *s = poll->scheduler;
    end_run(poll);
    s->ended++;
    poll->known_slow = !kms_outcome_good(result->outcome) && now_us(s) - poll->began_us >= SLOW_US;
    publish(poll, result);
    leave_lane(poll);
    plan_after(poll, result);
    poll_ended(poll);
    start_waiting(s, 1);
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
    poll_ended(poll);
}

static void start(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    count_lag(poll);
    poll->began_us = now_us(s);
    poll->run = kms_run_start(s->config.env, poll->type, snapshot_of(s, poll->slot)->target,
                              run_done, poll);
    if (poll->run) {
        s->started++;
    } else {
        start_failed(poll);
    }
}

static void pay(struct kms_scheduler *s)
{
    int64_t now = now_us(s);
    s->paid_us = (s->paid_us > now ? s->paid_us : now) + START_US;
}

/* One of each lane by turns, so that none waits for another. */
static bool start_one_of_each(struct kms_scheduler *s)
{
    bool any = false;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        struct kms_place *place = kms_lane_next(&s->lane[i], now_us(s));
        if (place) {
            any = true;
            pay(s);
            start(place->owner);
        }
    }
    return any;
}

static void start_waiting(struct kms_scheduler *s, size_t most)
{
    for (size_t i = 0; i < most && next_start_us(s) <= now_us(s) && start_one_of_each(s); i++) {
    }
    set_pump(s);
}

/* A time that passed long ago, while the machine stood still: as many did, and all of them at once
 * would be a burst. */
static bool was_missed(const struct poll *poll, int64_t now)
{
    return now - poll->due.at_us > OUTAGE_US && !poll->was_left_out && is_in_rounds(poll);
}

/* Within half an interval, spread as ever, or at its next time when that is nearer. */
static void make_up(struct poll *poll, int64_t now)
{
    int64_t next_us = kms_pace_next_us(poll->phase_us, poll->interval_us, 1,
                                       now - poll->interval_us, now);
    plan_at(poll, earlier(next_us, now + poll->phase_us % (poll->interval_us / 2)));
}

static void take_due(struct kms_scheduler *s)
{
    int64_t now = now_us(s);
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

static void end_probe_nows(struct kms_scheduler *s);

static void pump_due(void *arg)
{
    struct kms_scheduler *s = arg;
    s->pump_us = INT64_MAX;
    take_due(s);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        (void)kms_lane_make_way(&s->lane[i], now_us(s));
    }
    start_waiting(s, SLICE_POLLS);
    end_probe_nows(s);
}

/* ---- asked by a person ---- */

static struct kms_probe_now **find_ended(struct kms_scheduler *s)
{
    struct kms_probe_now **at = &s->probe_now;
    while (*at && (*at)->left > 0) {
        at = &(*at)->next;
    }
    return *at ? at : NULL;
}

/* What is called may ask again, and drop hosts. */
static void end_probe_nows(struct kms_scheduler *s)
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
    count_silent(poll, 0);
    if (!poll->run && (poll->place.state == KMS_PLACE_NONE || !p->all)) {
        kms_dues_take(&s->dues, &poll->due);
        kms_lane_leave(poll->lane, &poll->place);
        kms_lane_ask(poll->lane, &poll->place, poll->known_slow && p->all, !p->all, now_us(s));
    }
}

static void ask_host_now(struct kms_scheduler *s, size_t slot, struct kms_probe_now *p)
{
    for (struct poll *poll = first_of(s, slot); poll; poll = poll->next) {
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
                                .began_us = now_us(s),
                                .bit = bit,
                                .all = slot == KMS_SCHEDULER_ALL};
    s->probe_now = p;
    s->probe_now_bits |= bit;
    size_t first = p->all ? 0 : slot;
    size_t end = p->all ? s->slot_count : slot + 1;
    for (size_t i = first; i < end; i++) {
        ask_host_now(s, i, p);
    }
    set_pump(s);
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

/* ---- the time that passes ---- */

/* A few hosts at a time, so that all were looked at within KMS_SCHEDULER_TICK_MS. */
static void plan_tick(struct kms_scheduler *s)
{
    int64_t slices = (int64_t)((kms_board_count(s->config.board) + TICK_SLOTS - 1) / TICK_SLOTS);
    kms_timer_set(s->tick, KMS_SCHEDULER_TICK_MS / (slices > 0 ? slices : 1));
}

static void begin_ticks(struct kms_scheduler *s)
{
    s->tick_slot = 0;
    s->lag_before_us = s->lag_us;
    s->lag_us = 0;
}

static void tick_due(void *arg)
{
    struct kms_scheduler *s = arg;
    bool changed = false;
    for (size_t i = 0; i < TICK_SLOTS && s->tick_slot < kms_board_count(s->config.board); i++) {
        size_t slot = s->tick_slot++;
        struct kms_change change = {0};
        if (kms_board_tick(s->config.board, slot, &change) == KMS_OK &&
            change.was_state != change.is_state) {
            kms_news_state(s->config.log, snapshot_of(s, slot), &change);
            changed = true;
        }
    }
    if (changed) {
        tell(s);
    }
    if (s->tick_slot >= kms_board_count(s->config.board)) {
        begin_ticks(s);
    }
    plan_tick(s);
}

/* ---- how it does ---- */

int64_t kms_scheduler_lag_ms(const struct kms_scheduler *s)
{
    int64_t worst = s->lag_us > s->lag_before_us ? s->lag_us : s->lag_before_us;
    /* A poll that still waits for its turn is late already. */
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (s->lane[i].waiting.first) {
            const struct poll *poll = s->lane[i].waiting.first->owner;
            int64_t waits = now_us(s) - poll->due.at_us;
            worst = waits > worst ? waits : worst;
        }
    }
    return worst / 1000;
}

struct kms_scheduler_view kms_scheduler_view(const struct kms_scheduler *s)
{
    struct kms_scheduler_view view = {.lag_ms = kms_scheduler_lag_ms(s),
                                      .lag_worst_ms = s->lag_worst_us / 1000,
                                      .polls = s->poll_count,
                                      .backed_off = s->backed_off,
                                      .started = s->started,
                                      .ended = s->ended,
                                      .round_ms = s->round_us / 1000,
                                      .sweep_ms = s->sweep_us / 1000};
    view.lag_worst_ms = view.lag_ms > view.lag_worst_ms ? view.lag_ms : view.lag_worst_ms;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        const struct kms_lane *lane = &s->lane[i];
        view.in_flight += lane->running;
        view.slow += lane->running - lane->counting.count;
        view.waiting += lane->waiting.count + lane->slow_waiting.count;
    }
    return view;
}

/* ---- what is polled ---- */

static int64_t interval_of(const struct kms_scheduler *s, size_t slot, enum kms_source source)
{
    int64_t own_ms = snapshot_of(s, slot)->target->source[source].interval_ms;
    return (own_ms > 0 ? own_ms : s->config.interval_ms) * 1000;
}

static void set_interval(struct poll *poll)
{
    const struct kms_scheduler *s = poll->scheduler;
    poll->interval_us = interval_of(s, poll->slot, poll->type->source);
    poll->phase_us = kms_pace_phase_us(snapshot_of(s, poll->slot)->target->name,
                                       (unsigned)poll->type->source, poll->interval_us);
}

static bool grow_slots(struct kms_scheduler *s, size_t count)
{
    if (count <= s->slot_count) {
        return true;
    }
    size_t room = s->slot_count * 2 > count ? s->slot_count * 2 : count + 16;
    struct poll **of_slot = realloc(s->of_slot, room * sizeof(struct poll *));
    if (!of_slot) {
        return false;
    }
    for (size_t i = s->slot_count; i < room; i++) {
        of_slot[i] = NULL;
    }
    s->of_slot = of_slot;
    s->slot_count = room;
    return true;
}

static bool add_poll(struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    bool room = grow_slots(s, slot + 1) && kms_dues_reserve(&s->dues, s->poll_count + 1);
    struct poll *poll = room ? calloc(1, sizeof *poll) : NULL;
    if (!poll) {
        return false;
    }
    *poll = (struct poll){.scheduler = s,
                          .next = s->of_slot[slot],
                          .type = type,
                          .slot = slot,
                          .lane = lane_of(s, slot, type->source)};
    poll->due.owner = poll->place.owner = poll;
    set_interval(poll);
    s->of_slot[slot] = poll;
    s->poll_count++;
    s->round_left += is_in_rounds(poll) ? 1 : 0;
    return true;
}

/* Nothing waits for it any more, and what runs is cancelled. */
static void quit(struct poll *poll)
{
    kms_dues_take(&poll->scheduler->dues, &poll->due);
    leave_lane(poll);
    kms_run_cancel(poll->run);
    end_run(poll);
}

static void drop_poll(struct kms_scheduler *s, struct poll **at)
{
    struct poll *poll = *at;
    *at = poll->next;
    count_silent(poll, 0);
    poll_ended(poll);
    quit(poll);
    free(poll);
    s->poll_count--;
}

static void drop_polls(struct kms_scheduler *s, size_t slot)
{
    while (first_of(s, slot)) {
        drop_poll(s, &s->of_slot[slot]);
    }
}

/* Others may start in the place of what ran, so that the polls are gone before. */
void kms_scheduler_drop(struct kms_scheduler *s, size_t slot)
{
    drop_polls(s, slot);
    start_waiting(s, 1);
}

/* All sources of the host or, when memory runs out, none. */
static bool add_polls(struct kms_scheduler *s, size_t slot)
{
    const struct kms_target *target = snapshot_of(s, slot)->target;
    for (size_t i = 0; s->config.types[i]; i++) {
        const struct kms_probe_type *type = s->config.types[i];
        if (target->source[type->source].enabled && !add_poll(s, slot, type)) {
            drop_polls(s, slot);
            return false;
        }
    }
    return true;
}

enum kms_status kms_scheduler_add_after(struct kms_scheduler *s, size_t slot, int64_t delay_ms)
{
    if (!add_polls(s, slot)) {
        return KMS_ENOMEM;
    }
    for (struct poll *poll = first_of(s, slot); poll; poll = poll->next) {
        plan_at(poll, now_us(s) + delay_ms * 1000);
    }
    set_pump(s);
    return KMS_OK;
}

enum kms_status kms_scheduler_add(struct kms_scheduler *s, size_t slot)
{
    return kms_scheduler_add_after(s, slot, 0);
}

/* ---- other wishes for the same host ---- */

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
    quit(poll);
    poll->lane = lane_of(s, poll->slot, poll->type->source);
    poll->rest_us = 0;
    poll->known_slow = false;
    count_silent(poll, 0);
    plan_at(poll, now_us(s) + delay_us);
}

/* What is due later than a shorter interval is due within it, at its own time there. */
static void pace_anew(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    int64_t now = now_us(s);
    set_interval(poll);
    bool waits = poll->due.place != 0 && poll->due.at_us > now && poll->rest_us == 0;
    if (waits && poll->due.at_us - now > poll->interval_us) {
        plan_at(poll, kms_pace_next_us(poll->phase_us, poll->interval_us, 1,
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
    const struct kms_target *target = snapshot_of(s, slot)->target;
    struct poll **at = slot < s->slot_count ? &s->of_slot[slot] : NULL;
    while (at && *at) {
        enum kms_source source = (*at)->type->source;
        if (target->source[source].enabled) {
            follow(*at, held, (anew & KMS_BIT(source)) != 0, delay_us);
            at = &(*at)->next;
        } else {
            drop_poll(s, at);
        }
    }
}

static bool is_polled(const struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    const struct poll *poll = first_of(s, slot);
    while (poll && poll->type != type) {
        poll = poll->next;
    }
    return poll != NULL;
}

static enum kms_status add_missing(struct kms_scheduler *s, size_t slot, int64_t delay_us)
{
    const struct kms_target *target = snapshot_of(s, slot)->target;
    for (size_t i = 0; s->config.types[i]; i++) {
        const struct kms_probe_type *type = s->config.types[i];
        if (!target->source[type->source].enabled || is_polled(s, slot, type)) {
            continue;
        }
        if (!add_poll(s, slot, type)) {
            return KMS_ENOMEM;
        }
        plan_at(s->of_slot[slot], now_us(s) + delay_us);
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
        let_go(held);
    } else if (was) {
        kms_target_done(was);
        free(was);
    }
    enum kms_status status = add_missing(s, slot, delay_ms * 1000);
    start_waiting(s, 1);
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
    set_pump(s);
}

void kms_scheduler_set_back_off(struct kms_scheduler *s, unsigned back_off_max)
{
    s->config.back_off_max = back_off_max > 0 ? back_off_max : KMS_SCHEDULER_BACK_OFF_MAX;
    s->backed_off = 0;
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        for (const struct poll *poll = s->of_slot[slot]; poll; poll = poll->next) {
            s->backed_off += is_backed_off(poll) ? 1 : 0;
        }
    }
}

/* All hosts at once would be a burst. After the first round each has its own time, and few hosts
 * need not wait for that. */
static void plan_first_round(struct kms_scheduler *s)
{
    int64_t hosts = (int64_t)kms_board_count(s->config.board);
    int64_t spread_us = hosts * KMS_SCHEDULER_SPREAD_MS * 1000;
    spread_us = earlier(spread_us, s->config.interval_ms * 1000);
    for (int64_t slot = 0; slot < hosts; slot++) {
        for (struct poll *poll = first_of(s, (size_t)slot); poll; poll = poll->next) {
            plan_at(poll, now_us(s) + earlier(spread_us * slot / hosts, poll->interval_us));
        }
    }
}

static struct kms_lane make_lane(size_t brisk_max, size_t most, size_t slow_max)
{
    return (struct kms_lane){.brisk_max = brisk_max < most ? brisk_max : most,
                             .slow_max = slow_max > 0 ? slow_max : 1,
                             .most = most,
                             .patience_us = SLOW_US};
}

static void make_lanes(struct kms_scheduler *s)
{
    size_t sockets = s->config.sockets_max;
    s->lane[LANE_FILES] = make_lane(KMS_SCHEDULER_IN_FLIGHT_MAX, KMS_SCHEDULER_IN_FLIGHT_MAX,
                                    SLOW_FILES_MAX);
    s->lane[LANE_HTTP] = make_lane(KMS_SCHEDULER_IN_FLIGHT_MAX,
                                   (size_t)4 * KMS_SCHEDULER_IN_FLIGHT_MAX,
                                   (size_t)2 * KMS_SCHEDULER_IN_FLIGHT_MAX);
    s->lane[LANE_SOCKETS] = make_lane(KMS_SCHEDULER_BRISK_MAX, sockets, sockets / 2);
    s->lane[LANE_ACTIVATION] = make_lane(KMS_SCHEDULER_ACTIVATIONS_MAX,
                                         (size_t)3 * KMS_SCHEDULER_ACTIVATIONS_MAX,
                                         KMS_SCHEDULER_ACTIVATIONS_MAX);
    s->lane[LANE_WSMAN] = make_lane(KMS_SCHEDULER_BRISK_MAX, sockets, sockets / 2);
}

struct kms_scheduler *kms_scheduler_new(const struct kms_scheduler_config *config)
{
    struct kms_scheduler *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    *s = (struct kms_scheduler){.config = *config, .pump_us = INT64_MAX};
    s->config.sockets_max = config->sockets_max > 0 ? config->sockets_max
                                                    : KMS_SCHEDULER_SOCKETS_MAX;
    s->config.back_off_max = config->back_off_max > 0 ? config->back_off_max
                                                      : KMS_SCHEDULER_BACK_OFF_MAX;
    make_lanes(s);
    s->tick = kms_timer_new(config->env->loop, tick_due, s);
    s->pump = kms_timer_new(config->env->loop, pump_due, s);
    bool whole = s->tick != NULL && s->pump != NULL;
    for (size_t slot = 0; whole && slot < kms_board_count(config->board); slot++) {
        whole = add_polls(s, slot);
    }
    if (!whole) {
        kms_scheduler_free(s);
        return NULL;
    }
    begin_round(s);
    plan_first_round(s);
    set_pump(s);
    plan_tick(s);
    return s;
}

static void free_probe_nows(struct kms_scheduler *s)
{
    while (s->probe_now) {
        struct kms_probe_now *p = s->probe_now;
        s->probe_now = p->next;
        free(p);
    }
}

void kms_scheduler_free(struct kms_scheduler *s)
{
    if (!s) {
        return;
    }
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        drop_polls(s, slot);
    }
    free_probe_nows(s);
    kms_timer_free(s->pump);
    kms_timer_free(s->tick);
    kms_dues_done(&s->dues);
    free(s->of_slot);
    free(s);
}
