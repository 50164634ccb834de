/* The sources of all hosts together: who is on the list, the time that passes, and how it goes. */
#include "agent/scheduler_parts.h"

#include <stdlib.h>

#include "agent/news.h"
#include "agent/pace.h"

/* Of the sixteen threads, with room for one that hangs for the first time. */
#define SLOW_FILES_MAX 10
#define SLOW_US        (INT64_C(1000) * KMS_SCHEDULER_PATIENCE_MS)
#define TICK_SLOTS     32

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
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
            kms_news_state(s->config.log, kms_scheduler_snapshot(s, slot), &change);
            changed = true;
        }
    }
    if (changed) {
        kms_scheduler_tell(s);
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
            int64_t waits = kms_scheduler_now_us(s) - poll->due.at_us;
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
    int64_t own_ms = kms_scheduler_snapshot(s, slot)->target->source[source].interval_ms;
    return (own_ms > 0 ? own_ms : s->config.interval_ms) * 1000;
}

void kms_poll_set_interval(struct poll *poll)
{
    const struct kms_scheduler *s = poll->scheduler;
    poll->interval_us = interval_of(s, poll->slot, poll->type->source);
    poll->phase_us = kms_pace_phase_us(kms_scheduler_snapshot(s, poll->slot)->target->name,
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

bool kms_poll_add(struct kms_scheduler *s, size_t slot, const struct kms_probe_type *type)
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
                          .lane = kms_poll_lane(s, slot, type->source)};
    poll->due.owner = poll->place.owner = poll;
    kms_poll_set_interval(poll);
    s->of_slot[slot] = poll;
    s->poll_count++;
    s->round_left += kms_poll_is_in_rounds(poll) ? 1 : 0;
    return true;
}

void kms_poll_drop(struct kms_scheduler *s, struct poll **at)
{
    struct poll *poll = *at;
    *at = poll->next;
    kms_poll_count_silent(poll, 0);
    kms_poll_ended(poll);
    kms_poll_quit(poll);
    free(poll);
    s->poll_count--;
}

static void drop_polls(struct kms_scheduler *s, size_t slot)
{
    while (kms_poll_first(s, slot)) {
        kms_poll_drop(s, &s->of_slot[slot]);
    }
}

/* Others may start in the place of what ran, so that the polls are gone before. */
void kms_scheduler_drop(struct kms_scheduler *s, size_t slot)
{
    drop_polls(s, slot);
    kms_scheduler_start_waiting(s, 1);
}

/* All sources of the host or, when memory runs out, none. */
static bool add_polls(struct kms_scheduler *s, size_t slot)
{
    const struct kms_target *target = kms_scheduler_snapshot(s, slot)->target;
    for (size_t i = 0; s->config.types[i]; i++) {
        const struct kms_probe_type *type = s->config.types[i];
        if (target->source[type->source].enabled && !kms_poll_add(s, slot, type)) {
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
    for (struct poll *poll = kms_poll_first(s, slot); poll; poll = poll->next) {
        kms_poll_plan(poll, kms_scheduler_now_us(s) + delay_ms * 1000);
    }
    kms_scheduler_set_pump(s);
    return KMS_OK;
}

enum kms_status kms_scheduler_add(struct kms_scheduler *s, size_t slot)
{
    return kms_scheduler_add_after(s, slot, 0);
}

/* All hosts at once would be a burst. After the first round each has its own time, and few hosts
 * need not wait for that. */
static void plan_first_round(struct kms_scheduler *s)
{
    int64_t hosts = (int64_t)kms_board_count(s->config.board);
    int64_t spread_us = hosts * KMS_SCHEDULER_SPREAD_MS * 1000;
    spread_us = earlier(spread_us, s->config.interval_ms * 1000);
    for (int64_t slot = 0; slot < hosts; slot++) {
        for (struct poll *poll = kms_poll_first(s, (size_t)slot); poll; poll = poll->next) {
            kms_poll_plan(poll, kms_scheduler_now_us(s) +
                                    earlier(spread_us * slot / hosts, poll->interval_us));
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
    s->pump = kms_timer_new(config->env->loop, kms_scheduler_pump, s);
    bool whole = s->tick != NULL && s->pump != NULL;
    for (size_t slot = 0; whole && slot < kms_board_count(config->board); slot++) {
        whole = add_polls(s, slot);
    }
    if (!whole) {
        kms_scheduler_free(s);
        return NULL;
    }
    kms_scheduler_begin_round(s);
    plan_first_round(s);
    kms_scheduler_set_pump(s);
    plan_tick(s);
    return s;
}

void kms_scheduler_free(struct kms_scheduler *s)
{
    if (!s) {
        return;
    }
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        drop_polls(s, slot);
    }
    kms_scheduler_free_probe_nows(s);
    kms_timer_free(s->pump);
    kms_timer_free(s->tick);
    kms_dues_done(&s->dues);
    free(s->of_slot);
    free(s);
}
