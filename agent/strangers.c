/* Two queues, of targets that were never probed and of those that were: all of the second wait
 * equally long, so that their order is that of their times. */
#include "agent/strangers.h"

#include <stdlib.h>

#include "base/text.h"

#define BUCKETS    4096
#define COLLECT_MS 200 /* news of records are collected that long */

/* A target and port. It is in a queue or runs; one that no record names any more is forgotten at
 * the end of its queue. */
struct stranger {
    struct stranger *next_alike; /* in its bucket */
    struct stranger *next;       /* in its queue */
    struct kms_strangers *of;
    char name[KMS_ZONE_NAME_SIZE]; /* lower case */
    struct kms_target target;      /* its name is the one above */
    enum kms_rpc_state state;
    uint64_t round; /* in which a record named it last */
    int64_t due_us;
    struct kms_run *run; /* NULL: not running */
};

struct queue {
    struct stranger *first, *last;
};

struct kms_strangers {
    struct kms_strangers_config config;
    struct stranger *bucket[BUCKETS];
    struct queue fresh, again;
    size_t count, running;
    uint64_t round;
    bool fresh_was_last;
    bool is_collecting;
    int64_t started_us; /* the last one; 0: none yet */
    struct kms_timer *collect, *pace;
};

static int64_t now_us(const struct kms_strangers *s)
{
    return kms_clock_mono_us(&s->config.env->clock);
}

/* ---- the table ---- */

static size_t bucket_of(const char *name, uint16_t port)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *c = name; *c; c++) {
        hash = (hash ^ (uint8_t)kms_text_lower(*c)) * UINT32_C(16777619);
    }
    return ((hash ^ port) * UINT32_C(16777619)) % BUCKETS;
}

static struct stranger *find(const struct kms_strangers *s, const struct kms_zone_record *record)
{
    struct stranger *at = s->bucket[bucket_of(record->target, record->port)];
    while (at &&
           !(at->target.port == record->port && kms_text_equal_nocase(at->name, record->target))) {
        at = at->next_alike;
    }
    return at;
}

static void append(struct queue *queue, struct stranger *stranger)
{
    stranger->next = NULL;
    if (queue->last) {
        queue->last->next = stranger;
    } else {
        queue->first = stranger;
    }
    queue->last = stranger;
}

static struct stranger *take_first(struct queue *queue)
{
    struct stranger *first = queue->first;
    queue->first = first->next;
    if (!queue->first) {
        queue->last = NULL;
    }
    return first;
}

static struct stranger *add(struct kms_strangers *s, const struct kms_zone_record *record)
{
    struct stranger *made = s->count < KMS_STRANGERS_MAX ? calloc(1, sizeof *made) : NULL;
    if (!made) {
        return NULL;
    }
    kms_text_copy(made->name, sizeof made->name, record->target);
    for (char *c = made->name; *c; c++) {
        *c = kms_text_lower(*c);
    }
    made->of = s;
    made->state = KMS_RPC_UNKNOWN;
    made->target = (struct kms_target){.name = made->name,
                                       .port = record->port,
                                       .port_given = true,
                                       .origin = KMS_ORIGIN_DISCOVERED};
    made->target.source[KMS_SOURCE_RPC] = (struct kms_source_config){
        .enabled = true, .timeout_ms = s->config.timeout_ms};
    struct stranger **bucket = &s->bucket[bucket_of(record->target, record->port)];
    made->next_alike = *bucket;
    *bucket = made;
    s->count++;
    append(&s->fresh, made);
    return made;
}

/* One that is in no queue and does not run. */
static void forget(struct kms_strangers *s, struct stranger *stranger)
{
    struct stranger **at = &s->bucket[bucket_of(stranger->name, (uint16_t)stranger->target.port)];
    while (*at != stranger) {
        at = &(*at)->next_alike;
    }
    *at = stranger->next_alike;
    s->count--;
    free(stranger);
}

enum kms_rpc_state kms_strangers_state(void *arg, const struct kms_zone_record *record)
{
    const struct stranger *stranger = find(arg, record);
    return stranger ? stranger->state : KMS_RPC_UNKNOWN;
}

/* ---- probes ---- */

static void plan(struct kms_strangers *s);

static bool is_named(const struct stranger *stranger)
{
    return stranger->round == stranger->of->round;
}

static void plan_again(struct stranger *stranger)
{
    struct kms_strangers *s = stranger->of;
    if (is_named(stranger)) {
        stranger->due_us = now_us(s) + s->config.interval_ms * 1000;
        append(&s->again, stranger);
    } else {
        forget(s, stranger);
    }
}

/* A probe that failed on this machine says nothing about the other. */
static void probed(void *arg, const struct kms_result *result)
{
    struct stranger *stranger = arg;
    struct kms_strangers *s = stranger->of;
    int64_t state = KMS_RPC_UNKNOWN;
    bool is_told = kms_facts_number(&result->host, KMS_FACT_RPC_STATE, &state) &&
                   state != KMS_RPC_UNKNOWN;
    bool has_changed = is_told && state != (int64_t)stranger->state;
    stranger->run = NULL;
    s->running--;
    if (has_changed) {
        stranger->state = (enum kms_rpc_state)state;
    }
    plan_again(stranger);
    plan(s);
    if (has_changed && s->config.changed) {
        s->config.changed(s->config.arg);
    }
}

static void begin(struct stranger *stranger)
{
    struct kms_strangers *s = stranger->of;
    stranger->run = kms_run_start(s->config.env, s->config.bind, &stranger->target, probed,
                                  stranger);
    if (stranger->run) {
        s->running++;
    } else {
        plan_again(stranger);
    }
    s->started_us = now_us(s);
}

/* New ones and old ones by turns: names that are others at every lookup keep nobody else waiting.
 */
static struct stranger *next_due(struct kms_strangers *s)
{
    bool is_due = s->again.first && s->again.first->due_us <= now_us(s);
    if (s->fresh.first && !(is_due && s->fresh_was_last)) {
        s->fresh_was_last = true;
        return take_first(&s->fresh);
    }
    s->fresh_was_last = false;
    return is_due ? take_first(&s->again) : NULL;
}

static void pace_due(void *arg)
{
    struct kms_strangers *s = arg;
    struct stranger *stranger = s->running < KMS_STRANGERS_IN_FLIGHT_MAX ? next_due(s) : NULL;
    while (stranger && !is_named(stranger)) {
        forget(s, stranger);
        stranger = next_due(s);
    }
    if (stranger) {
        begin(stranger);
    }
    plan(s);
}

/* Sets the timer for the next start; one that ends plans anew. */
static void plan(struct kms_strangers *s)
{
    bool is_any = s->fresh.first || s->again.first;
    if (!is_any || s->running >= KMS_STRANGERS_IN_FLIGHT_MAX) {
        kms_timer_stop(s->pace);
        return;
    }
    int64_t now = now_us(s);
    int64_t at_us = s->fresh.first ? now : s->again.first->due_us;
    int64_t gap_us = s->started_us + KMS_STRANGERS_GAP_MS * INT64_C(1000);
    if (s->started_us != 0 && at_us < gap_us) {
        at_us = gap_us;
    }
    /* A millisecond too early would be a turn for nothing. */
    kms_timer_set(s->pace, at_us > now ? (at_us - now + 999) / 1000 : 0);
}

/* ---- what is probed ---- */

static void take_in(struct kms_strangers *s, const struct kms_zone *zone)
{
    for (size_t i = 0; i < zone->record_count; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        if (!view->stranger) {
            continue;
        }
        struct stranger *stranger = find(s, &view->record);
        stranger = stranger ? stranger : add(s, &view->record);
        if (stranger) {
            stranger->round = s->round;
        }
    }
}

static void collect_due(void *arg)
{
    struct kms_strangers *s = arg;
    s->is_collecting = false;
    s->round++;
    for (size_t i = 0; i < kms_zones_count(s->config.zones); i++) {
        take_in(s, kms_zones_get(s->config.zones, i));
    }
    plan(s);
}

void kms_strangers_poke(struct kms_strangers *s)
{
    if (!s->is_collecting) {
        s->is_collecting = true;
        kms_timer_set(s->collect, COLLECT_MS);
    }
}

/* The queue stays in the order of its times. */
void kms_strangers_set_times(struct kms_strangers *s, int64_t interval_ms, int64_t timeout_ms)
{
    int64_t latest_us = now_us(s) + interval_ms * 1000;
    s->config.interval_ms = interval_ms;
    s->config.timeout_ms = timeout_ms;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct stranger *at = s->bucket[i]; at; at = at->next_alike) {
            at->target.source[KMS_SOURCE_RPC].timeout_ms = timeout_ms;
            at->due_us = at->due_us < latest_us ? at->due_us : latest_us;
        }
    }
    plan(s);
}

struct kms_strangers *kms_strangers_new(const struct kms_strangers_config *config)
{
    struct kms_strangers *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->config = *config;
    s->collect = kms_timer_new(config->env->loop, collect_due, s);
    s->pace = kms_timer_new(config->env->loop, pace_due, s);
    if (!s->collect || !s->pace) {
        kms_strangers_free(s);
        return NULL;
    }
    return s;
}

void kms_strangers_free(struct kms_strangers *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct stranger *at = s->bucket[i], *next; at; at = next) {
            next = at->next_alike;
            kms_run_cancel(at->run);
            free(at);
        }
    }
    kms_timer_free(s->collect);
    kms_timer_free(s->pace);
    free(s);
}
