/* One timer for each source of each host, a bound on how many run at once, and the log lines about
 * what changed. */
#include "agent/scheduler.h"

#include <stdlib.h>

#include "base/text.h"

/* A source of a host. Never more than one run of it. */
struct poll {
    struct kms_scheduler *scheduler;
    const struct kms_probe_type *type;
    size_t slot;
    int64_t interval_us;
    int64_t due_us;
    struct kms_timer *timer;
    struct kms_run *run;       /* NULL: not running */
    struct poll *next_waiting; /* for its turn */
};

struct kms_scheduler {
    struct kms_scheduler_config config;
    struct poll *poll;
    size_t poll_count;
    size_t in_flight;
    struct poll *first_waiting, *last_waiting;
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

static void log_outcome(const struct kms_scheduler *s, const struct poll *poll,
                        const struct kms_result *result, const struct kms_change *change)
{
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    const char *name = snapshot_of(s, poll->slot)->target->name;
    bool changed = change->was_outcome != change->is_outcome;
    bool good = kms_outcome_good(result->outcome);
    enum kms_log_level level = !changed ? KMS_LOG_DEBUG : good ? KMS_LOG_INFO : KMS_LOG_WARNING;
    char before[64] = "";
    if (changed && change->was_outcome != KMS_OUTCOME_NONE) {
        kms_text_format(before, sizeof before, " (was %s)",
                        kms_outcome_row(change->was_outcome)->token);
    } else if (!changed && !good) {
        kms_text_format(before, sizeof before, " (%u times)", change->consecutive_failures);
    }
    const char *hint = good ? "" : row->hint;
    kms_log_write(s->config.log, level, "%s %s: %s%s%s%s%s%s", poll->type->name, name, row->token,
                  before, result->detail[0] ? ": " : "", result->detail, hint[0] ? "; " : "", hint);
}

/* The first judgement of a host is news too, even when it is what it was before anything was known.
 */
static void log_state(const struct kms_scheduler *s, size_t slot, const struct kms_change *change,
                      bool first)
{
    if (change->was_state == change->is_state && !first) {
        return;
    }
    const struct kms_snapshot *snapshot = snapshot_of(s, slot);
    char before[32] = "";
    if (change->was_state != change->is_state) {
        kms_text_format(before, sizeof before, " (was %s)",
                        kms_word_label(kms_words_state(), (int)change->was_state));
    }
    bool good = change->is_state == KMS_STATE_OK;
    kms_log_write(s->config.log, good ? KMS_LOG_INFO : KMS_LOG_WARNING, "state %s: %s%s: %s",
                  snapshot->target->name, kms_word_label(kms_words_state(), (int)change->is_state),
                  before, snapshot->judgement.summary);
}

static void publish(struct poll *poll, const struct kms_result *result)
{
    struct kms_scheduler *s = poll->scheduler;
    struct kms_change change = {0};
    enum kms_status status = kms_board_publish(s->config.board, poll->slot, result, &change);
    if (status != KMS_OK) {
        kms_log_write(s->config.log, KMS_LOG_ERROR, "%s %s: %s, keeping the result before",
                      poll->type->name, snapshot_of(s, poll->slot)->target->name,
                      kms_status_text(status));
        return;
    }
    log_outcome(s, poll, result, &change);
    log_state(s, poll->slot, &change, change.was_outcome == KMS_OUTCOME_NONE);
    if (s->config.published) {
        s->config.published(s->config.arg);
    }
}

/* The next time on the poll's own grid: a late one does not move those after it, a missed one is
 * left out. */
static void plan_next(struct poll *poll)
{
    int64_t now = now_us(poll->scheduler);
    poll->due_us += poll->interval_us;
    if (poll->due_us < now) {
        int64_t missed = (now - poll->due_us) / poll->interval_us;
        poll->due_us += missed * poll->interval_us;
        if (poll->due_us < now) {
            poll->due_us += poll->interval_us;
        }
    }
    kms_timer_set(poll->timer, (poll->due_us - now) / 1000);
}

static void start(struct poll *poll);

static void start_waiting(struct kms_scheduler *s)
{
    while (s->first_waiting && s->in_flight < KMS_SCHEDULER_IN_FLIGHT_MAX) {
        struct poll *poll = s->first_waiting;
        s->first_waiting = poll->next_waiting;
        if (!s->first_waiting) {
            s->last_waiting = NULL;
        }
        poll->next_waiting = NULL;
        start(poll);
    }
}

static void run_done(void *arg, const struct kms_result *result)
{
    struct poll *poll = arg;
    struct kms_scheduler *s = poll->scheduler;
    poll->run = NULL;
    s->in_flight--;
    publish(poll, result);
    plan_next(poll);
    start_waiting(s);
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

static void start(struct poll *poll)
{
    struct kms_scheduler *s = poll->scheduler;
    int64_t late_us = now_us(s) - poll->due_us;
    if (late_us > s->lag_us) {
        s->lag_us = late_us;
    }
    poll->run = kms_run_start(s->config.env, poll->type, snapshot_of(s, poll->slot)->target,
                              run_done, poll);
    if (!poll->run) {
        start_failed(poll);
        return;
    }
    s->in_flight++;
}

static void poll_due(void *arg)
{
    struct poll *poll = arg;
    struct kms_scheduler *s = poll->scheduler;
    if (s->in_flight < KMS_SCHEDULER_IN_FLIGHT_MAX && !s->first_waiting) {
        start(poll);
        return;
    }
    if (s->last_waiting) {
        s->last_waiting->next_waiting = poll;
    } else {
        s->first_waiting = poll;
    }
    s->last_waiting = poll;
}

static void tick_due(void *arg)
{
    struct kms_scheduler *s = arg;
    for (size_t slot = 0; slot < kms_board_count(s->config.board); slot++) {
        struct kms_change change = {0};
        if (kms_board_tick(s->config.board, slot, &change) == KMS_OK) {
            log_state(s, slot, &change, false);
        }
    }
    s->lag_before_us = s->lag_us;
    s->lag_us = 0;
    kms_timer_set(s->tick, KMS_SCHEDULER_TICK_MS);
}

int64_t kms_scheduler_lag_ms(const struct kms_scheduler *s)
{
    int64_t worst = s->lag_us > s->lag_before_us ? s->lag_us : s->lag_before_us;
    /* A poll that still waits for its turn is late already. */
    if (s->first_waiting) {
        int64_t waits = now_us(s) - s->first_waiting->due_us;
        worst = waits > worst ? waits : worst;
    }
    return worst / 1000;
}

static size_t count_polls(const struct kms_scheduler_config *config)
{
    size_t count = 0;
    for (size_t slot = 0; slot < kms_board_count(config->board); slot++) {
        const struct kms_target *target = kms_board_snapshot(config->board, slot)->target;
        for (size_t i = 0; config->types[i]; i++) {
            count += target->source[config->types[i]->source].enabled ? 1 : 0;
        }
    }
    return count;
}

static bool add_poll(struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
{
    int64_t own_ms = snapshot_of(s, slot)->target->source[type->source].interval_ms;
    struct poll *poll = &s->poll[s->poll_count];
    *poll = (struct poll){.scheduler = s,
                          .type = type,
                          .slot = slot,
                          .interval_us = (own_ms > 0 ? own_ms : s->config.interval_ms) * 1000};
    poll->timer = kms_timer_new(s->config.env->loop, poll_due, poll);
    if (!poll->timer) {
        return false;
    }
    s->poll_count++;
    return true;
}

static bool add_polls(struct kms_scheduler *s)
{
    for (size_t slot = 0; slot < kms_board_count(s->config.board); slot++) {
        const struct kms_target *target = snapshot_of(s, slot)->target;
        for (size_t i = 0; s->config.types[i]; i++) {
            const struct kms_probe_type *type = s->config.types[i];
            if (target->source[type->source].enabled && !add_poll(s, slot, type)) {
                return false;
            }
        }
    }
    return true;
}

/* All hosts at once would be a burst every interval, for ever. */
static void plan_first_round(struct kms_scheduler *s)
{
    int64_t now = now_us(s);
    int64_t hosts = (int64_t)kms_board_count(s->config.board);
    for (size_t i = 0; i < s->poll_count; i++) {
        struct poll *poll = &s->poll[i];
        int64_t spread_us = hosts * KMS_SCHEDULER_SPREAD_MS * 1000;
        if (spread_us > poll->interval_us) {
            spread_us = poll->interval_us;
        }
        int64_t delay_us = hosts > 0 ? spread_us / hosts * (int64_t)poll->slot : 0;
        poll->due_us = now + delay_us;
        kms_timer_set(poll->timer, delay_us / 1000);
    }
}

struct kms_scheduler *kms_scheduler_new(const struct kms_scheduler_config *config)
{
    struct kms_scheduler *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->config = *config;
    s->tick = kms_timer_new(config->env->loop, tick_due, s);
    s->poll = calloc(count_polls(config) + 1, sizeof *s->poll);
    if (!s->tick || !s->poll || !add_polls(s)) {
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
    for (size_t i = 0; s->poll && i < s->poll_count; i++) {
        kms_run_cancel(s->poll[i].run);
        kms_timer_free(s->poll[i].timer);
    }
    kms_timer_free(s->tick);
    free(s->poll);
    free(s);
}
