/* One timer for each source of each host, a bound on how many run at once, and the log lines about
 * what changed. */
#include "agent/scheduler.h"

#include <stdlib.h>

#include "agent/news.h"
#include "agent/turns.h"

/* A target that was replaced while probes of it ran. */
struct held {
    struct kms_target *target;
    size_t users;
};

/* A source of a host. Never more than one run of it. */
struct poll {
    struct kms_scheduler *scheduler;
    const struct kms_probe_type *type;
    size_t slot;
    int64_t interval_us;
    int64_t due_us;
    int64_t rest_us; /* after a host that wants to be left alone; 0: it does not */
    struct kms_timer *timer;
    struct kms_run *run; /* NULL: not running */
    struct held *held;   /* what it runs with; NULL: the board's target */
    struct kms_turn turn;
    bool told_same; /* that the host is asked under another name too */
};

/* Hosts that say nothing hold their turn until the deadline. Where a turn costs a socket and
 * nothing else, there are so many that the others need not wait for them; activation requests,
 * which need the disk too and are rare, wait for each other alone. Conversations over WS-Management
 * wait for a KDC too, and for each other alone. */
enum lane { LANE_WORK, LANE_SOCKETS, LANE_ACTIVATION, LANE_WSMAN, LANE_COUNT };

struct kms_scheduler {
    struct kms_scheduler_config config;
    struct poll **poll; /* each on its own: what runs points to it */
    size_t poll_count, poll_cap;
    struct kms_turns lane[LANE_COUNT];
    struct kms_timer *tick;
    int64_t lag_us;        /* worst since the last tick */
    int64_t lag_before_us; /* worst between the two ticks before */
};

static int64_t now_us(const struct kms_scheduler *s)
{
    return kms_clock_mono_us(&s->config.env->clock);
}

static const struct kms_snapshot *snapshot_of(const struct kms_scheduler *s, size_t slot)
{
    return kms_board_snapshot(s->config.board, slot);
}

static struct kms_turns *lane_of(const struct poll *poll)
{
    enum kms_source source = poll->type->source;
    return &poll->scheduler->lane[source == KMS_SOURCE_RPC          ? LANE_SOCKETS
                                  : source == KMS_SOURCE_ACTIVATION ? LANE_ACTIVATION
                                  : source == KMS_SOURCE_WSMAN      ? LANE_WSMAN
                                                                    : LANE_WORK];
}

static void tell(const struct kms_scheduler *s)
{
    if (s->config.published) {
        s->config.published(s->config.arg);
    }
}

/* One line for both: either may be the first to answer. */
static void tell_of_same(struct poll *poll)
{
    const struct kms_scheduler *s = poll->scheduler;
    size_t other;
    if (!kms_news_same_host(s->config.log, s->config.board, poll->slot, &other)) {
        return;
    }
    for (size_t i = 0; i < s->poll_count; i++) {
        size_t slot = s->poll[i]->slot;
        s->poll[i]->told_same |= slot == other || slot == poll->slot;
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

static void plan_next(struct poll *poll)
{
    kms_timer_set(poll->timer,
                  kms_turn_next_ms(&poll->due_us, poll->interval_us, now_us(poll->scheduler)));
}

static void plan_rest(struct poll *poll, int64_t rest_us)
{
    poll->due_us = now_us(poll->scheduler) + rest_us;
    kms_timer_set(poll->timer, rest_us / 1000);
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

static void plan_after(struct poll *poll, const struct kms_result *result)
{
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
    end_run(poll);
    publish(poll, result);
    plan_after(poll, result);
    kms_turns_end(lane_of(poll));
}

static void start_failed(struct poll *poll)
{
    struct kms_result result;
    kms_result_init(&result, poll->type->source);
    result.outcome = KMS_OUTCOME_NO_MEMORY;
    result.wall_s = kms_clock_wall_s(&poll->scheduler->config.env->clock);
    publish(poll, &result);
    kms_result_done(&result);
    plan_next(poll);
}

static bool start(void *arg)
{
    struct poll *poll = arg;
    struct kms_scheduler *s = poll->scheduler;
    int64_t late_us = now_us(s) - poll->due_us;
    if (late_us > s->lag_us) {
        s->lag_us = late_us;
    }
    poll->run = kms_run_start(s->config.env, poll->type, snapshot_of(s, poll->slot)->target,
                              run_done, poll);
    if (!poll->run) {
        start_failed(poll);
        return false;
    }
    return true;
}

static void poll_due(void *arg)
{
    struct poll *poll = arg;
    kms_turns_ask(lane_of(poll), &poll->turn);
}

static void tick_due(void *arg)
{
    struct kms_scheduler *s = arg;
    bool changed = false;
    for (size_t slot = 0; slot < kms_board_count(s->config.board); slot++) {
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
    s->lag_before_us = s->lag_us;
    s->lag_us = 0;
    kms_timer_set(s->tick, KMS_SCHEDULER_TICK_MS);
}

int64_t kms_scheduler_lag_ms(const struct kms_scheduler *s)
{
    int64_t worst = s->lag_us > s->lag_before_us ? s->lag_us : s->lag_before_us;
    /* A poll that still waits for its turn is late already. */
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (s->lane[i].first) {
            const struct poll *poll = s->lane[i].first->arg;
            int64_t waits = now_us(s) - poll->due_us;
            worst = waits > worst ? waits : worst;
        }
    }
    return worst / 1000;
}

/* ---- what is polled ---- */

static void plan_first(struct poll *poll, int64_t delay_us)
{
    poll->due_us = now_us(poll->scheduler) + delay_us;
    kms_timer_set(poll->timer, delay_us / 1000);
}

static bool grow_polls(struct kms_scheduler *s)
{
    if (s->poll_count < s->poll_cap) {
        return true;
    }
    size_t cap = s->poll_cap == 0 ? 64 : s->poll_cap * 2;
    struct poll **poll = realloc(s->poll, cap * sizeof(struct poll *));
    if (!poll) {
        return false;
    }
    s->poll = poll;
    s->poll_cap = cap;
    return true;
}

static int64_t interval_us_of(const struct kms_scheduler *s, size_t slot, enum kms_source source)
{
    int64_t own_ms = snapshot_of(s, slot)->target->source[source].interval_ms;
    return (own_ms > 0 ? own_ms : s->config.interval_ms) * 1000;
}

static bool add_poll(struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    struct poll *poll = grow_polls(s) ? calloc(1, sizeof *poll) : NULL;
    if (!poll) {
        return false;
    }
    *poll = (struct poll){.scheduler = s,
                          .type = type,
                          .slot = slot,
                          .interval_us = interval_us_of(s, slot, type->source),
                          .turn = {.start = start, .arg = poll}};
    poll->timer = kms_timer_new(s->config.env->loop, poll_due, poll);
    if (!poll->timer) {
        free(poll);
        return false;
    }
    s->poll[s->poll_count++] = poll;
    return true;
}

static void drop_polls(struct kms_scheduler *s, size_t keep)
{
    while (s->poll_count > keep) {
        struct poll *poll = s->poll[--s->poll_count];
        kms_run_cancel(poll->run);
        end_run(poll);
        kms_timer_free(poll->timer);
        free(poll);
    }
}

/* Others may start in the place of what ran, so that the poll is gone before. */
static void drop_poll(struct kms_scheduler *s, size_t at)
{
    struct poll *poll = s->poll[at];
    struct kms_turns *lane = lane_of(poll);
    bool was_running = poll->run != NULL;
    s->poll[at] = s->poll[--s->poll_count];
    kms_turns_forget(lane, &poll->turn);
    kms_run_cancel(poll->run);
    end_run(poll);
    kms_timer_free(poll->timer);
    free(poll);
    if (was_running) {
        kms_turns_end(lane);
    }
}

void kms_scheduler_drop(struct kms_scheduler *s, size_t slot)
{
    for (size_t i = s->poll_count; i > 0; i--) {
        if (s->poll[i - 1]->slot == slot) {
            drop_poll(s, i - 1);
        }
    }
}

/* All sources of the host or, when memory runs out, none. */
static bool add_polls(struct kms_scheduler *s, size_t slot)
{
    const struct kms_target *target = snapshot_of(s, slot)->target;
    size_t before = s->poll_count;
    for (size_t i = 0; s->config.types[i]; i++) {
        const struct kms_probe_type *type = s->config.types[i];
        if (target->source[type->source].enabled && !add_poll(s, slot, type)) {
            drop_polls(s, before);
            return false;
        }
    }
    return true;
}

enum kms_status kms_scheduler_add(struct kms_scheduler *s, size_t slot)
{
    return kms_scheduler_add_after(s, slot, 0);
}

enum kms_status kms_scheduler_add_after(struct kms_scheduler *s, size_t slot, int64_t delay_ms)
{
    size_t before = s->poll_count;
    if (!add_polls(s, slot)) {
        return KMS_ENOMEM;
    }
    for (size_t i = before; i < s->poll_count; i++) {
        plan_first(s->poll[i], delay_ms * 1000);
    }
    return KMS_OK;
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

static void stop_run(struct poll *poll)
{
    struct kms_turns *lane = lane_of(poll);
    kms_run_cancel(poll->run);
    end_run(poll);
    kms_turns_end(lane);
}

/* It is asked again soon: what it tells is of a question that nobody has any more. */
static void ask_anew(struct poll *poll, int64_t delay_us)
{
    kms_turns_forget(lane_of(poll), &poll->turn);
    poll->rest_us = 0;
    plan_first(poll, delay_us);
    if (poll->run) {
        stop_run(poll);
    }
}

static void set_interval(struct poll *poll, int64_t interval_us)
{
    int64_t left_us = poll->due_us - now_us(poll->scheduler);
    bool waits = !poll->run && left_us > 0 && poll->rest_us == 0;
    poll->interval_us = interval_us;
    if (waits && left_us > interval_us) {
        plan_first(poll, left_us % interval_us);
    }
}

static void follow(struct poll *poll, struct held *held, bool anew, int64_t delay_us)
{
    struct kms_scheduler *s = poll->scheduler;
    if (poll->run && held && !poll->held) {
        poll->held = held;
        held->users++;
    }
    set_interval(poll, interval_us_of(s, poll->slot, poll->type->source));
    if (anew) {
        ask_anew(poll, delay_us);
    }
}

static void follow_all(struct kms_scheduler *s, size_t slot, struct held *held, uint32_t anew,
                       int64_t delay_us)
{
    const struct kms_target *target = snapshot_of(s, slot)->target;
    for (size_t i = s->poll_count; i > 0; i--) {
        struct poll *poll = s->poll[i - 1];
        enum kms_source source = poll->type->source;
        if (poll->slot != slot) {
            continue;
        }
        if (target->source[source].enabled) {
            follow(poll, held, (anew & KMS_BIT(source)) != 0, delay_us);
        } else {
            drop_poll(s, i - 1);
        }
    }
}

static bool is_polled(const struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    for (size_t i = 0; i < s->poll_count; i++) {
        if (s->poll[i]->slot == slot && s->poll[i]->type == type) {
            return true;
        }
    }
    return false;
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
        plan_first(s->poll[s->poll_count - 1], delay_us);
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
    return add_missing(s, slot, delay_ms * 1000);
}

void kms_scheduler_set_interval(struct kms_scheduler *s, int64_t interval_ms)
{
    s->config.interval_ms = interval_ms;
    for (size_t i = 0; i < s->poll_count; i++) {
        struct poll *poll = s->poll[i];
        set_interval(poll, interval_us_of(s, poll->slot, poll->type->source));
    }
}

/* All hosts at once would be a burst every interval, for ever. */
static void plan_first_round(struct kms_scheduler *s)
{
    int64_t hosts = (int64_t)kms_board_count(s->config.board);
    for (size_t i = 0; i < s->poll_count; i++) {
        struct poll *poll = s->poll[i];
        int64_t spread_us = hosts * KMS_SCHEDULER_SPREAD_MS * 1000;
        if (spread_us > poll->interval_us) {
            spread_us = poll->interval_us;
        }
        plan_first(poll, hosts > 0 ? spread_us / hosts * (int64_t)poll->slot : 0);
    }
}

struct kms_scheduler *kms_scheduler_new(const struct kms_scheduler_config *config)
{
    struct kms_scheduler *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    size_t sockets = config->sockets_max > 0 ? config->sockets_max : KMS_SCHEDULER_SOCKETS_MAX;
    *s = (struct kms_scheduler){.config = *config,
                                .lane = {[LANE_WORK] = {.max = KMS_SCHEDULER_IN_FLIGHT_MAX},
                                         [LANE_SOCKETS] = {.max = sockets},
                                         [LANE_ACTIVATION] = {.max = KMS_SCHEDULER_ACTIVATIONS_MAX},
                                         [LANE_WSMAN] = {.max = sockets}}};
    s->tick = kms_timer_new(config->env->loop, tick_due, s);
    bool whole = s->tick != NULL;
    for (size_t slot = 0; whole && slot < kms_board_count(config->board); slot++) {
        whole = add_polls(s, slot);
    }
    if (!whole) {
        kms_scheduler_free(s);
        return NULL;
    }
    plan_first_round(s);
    kms_timer_set(s->tick, KMS_SCHEDULER_TICK_MS);
    return s;
}

void kms_scheduler_free(struct kms_scheduler *s)
{
    if (!s) {
        return;
    }
    drop_polls(s, 0);
    kms_timer_free(s->tick);
    free(s->poll);
    free(s);
}
