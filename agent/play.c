/* Plays recorded results, one source of one host at a time. */
#include "agent/play.h"

#include <stdlib.h>
#include <strings.h>

#include "base/text.h"

/* What is told of one source of one host: a group is recorded for one time. */
struct part {
    const struct kms_told **told; /* in the order of at_ms */
    size_t count;
    size_t group; /* where the one that was told last begins */
    size_t next;  /* to be told */
    int64_t round;
};

struct host_parts {
    const struct kms_recorded_host *host;
    struct part part[KMS_SOURCE_MAX + 1];
};

struct kms_play {
    const struct kms_clock *clock;
    int64_t start_us, start_s;
    struct host_parts *host;
    size_t host_count;
};

struct kms_probe {
    struct kms_env *env;
    const struct kms_target *target;
    enum kms_source source;
    struct kms_timer *timer;
    kms_done_fn *done;
    void *arg;
};

/* ---- the course ---- */

static bool fill_part(struct part *part, const struct kms_recorded_host *host,
                      enum kms_source source)
{
    size_t count = 0;
    for (size_t i = 0; i < host->told_count; i++) {
        count += host->told[i].result.source == source;
    }
    part->round = -1;
    part->told = count > 0 ? calloc(count, sizeof(const struct kms_told *)) : NULL;
    for (size_t i = 0; part->told && i < host->told_count; i++) {
        if (host->told[i].result.source == source) {
            part->told[part->count++] = &host->told[i];
        }
    }
    return part->count == count;
}

static int compare_parts(const void *a, const void *b)
{
    const struct host_parts *first = a;
    const struct host_parts *second = b;
    return strcasecmp(first->host->target.name, second->host->target.name);
}

struct kms_play *kms_play_new(const struct kms_recording *recording, const struct kms_clock *clock)
{
    struct kms_play *play = calloc(1, sizeof *play);
    if (!play) {
        return NULL;
    }
    play->clock = clock;
    play->start_us = kms_clock_mono_us(clock);
    play->start_s = kms_clock_wall_s(clock);
    play->host = calloc(recording->host_count > 0 ? recording->host_count : 1, sizeof *play->host);
    bool whole = play->host != NULL;
    for (size_t i = 0; whole && i < recording->host_count; i++) {
        struct host_parts *parts = &play->host[play->host_count++];
        parts->host = &recording->host[i];
        for (int source = 1; whole && source <= KMS_SOURCE_MAX; source++) {
            whole = fill_part(&parts->part[source], parts->host, (enum kms_source)source);
        }
    }
    if (!whole) {
        kms_play_free(play);
        return NULL;
    }
    qsort(play->host, play->host_count, sizeof *play->host, compare_parts);
    return play;
}

void kms_play_free(struct kms_play *play)
{
    if (!play) {
        return;
    }
    for (size_t i = 0; i < play->host_count; i++) {
        for (int source = 1; source <= KMS_SOURCE_MAX; source++) {
            free(play->host[i].part[source].told);
        }
    }
    free(play->host);
    free(play);
}

static int compare_name(const void *name, const void *parts)
{
    const struct host_parts *has = parts;
    return strcasecmp(name, has->host->target.name);
}

static struct host_parts *find_host(struct kms_play *play, const char *name)
{
    return bsearch(name, play->host, play->host_count, sizeof *play->host, compare_name);
}

/* Where the group begins that is due at this moment of the course. */
static size_t group_at(const struct part *part, int64_t now_ms)
{
    size_t group = 0;
    for (size_t i = 1; i < part->count && part->told[i]->at_ms <= now_ms; i++) {
        if (part->told[i]->at_ms != part->told[i - 1]->at_ms) {
            group = i;
        }
    }
    return group;
}

static bool is_last_of_group(const struct part *part, size_t at)
{
    return at + 1 == part->count || part->told[at + 1]->at_ms != part->told[at]->at_ms;
}

/* What this poll tells, and when it became due (wall clock). */
static const struct kms_told *turn_over(const struct kms_play *play, const struct host_parts *host,
                                        struct part *part, int64_t *ret_due_s)
{
    int64_t gone_ms = (kms_clock_mono_us(play->clock) - play->start_us) / 1000;
    int64_t repeat_ms = host->host->repeat_ms;
    int64_t round = repeat_ms > 0 ? gone_ms / repeat_ms : 0;
    size_t group = group_at(part, gone_ms - round * repeat_ms);
    if (group != part->group || round != part->round) {
        part->group = part->next = group;
        part->round = round;
    }
    const struct kms_told *told = part->told[part->next];
    if (!is_last_of_group(part, part->next)) {
        part->next++;
    }
    *ret_due_s = play->start_s + (round * repeat_ms + told->at_ms) / 1000;
    return told;
}

/* ---- one probe ---- */

static void move_times(const struct kms_told *told, int64_t due_s, int64_t now_s,
                       struct kms_result *result)
{
    const struct kms_result *from = &told->result;
    bool dated = from->wall_s != 0 || from->data_s != 0;
    bool ages = from->source == KMS_SOURCE_REPORT && dated;
    int64_t told_s = from->wall_s != 0 ? from->wall_s : from->data_s;
    if (dated) {
        kms_result_move(result, (ages ? due_s : now_s) - told_s);
    } else {
        result->data_s = result->data_s_min = result->data_s_max = now_s;
    }
    result->waited_us = 0;
}

static void free_probe(struct kms_probe *probe)
{
    kms_timer_free(probe->timer);
    free(probe);
}

static void tell(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_env *env = probe->env;
    struct kms_result result;
    kms_result_init(&result, probe->source);
    result.outcome = KMS_OUTCOME_NO_MEMORY;
    struct host_parts *host = find_host(env->play, probe->target->name);
    struct part *part = host ? &host->part[probe->source] : NULL;
    if (part && part->count > 0) {
        int64_t due_s;
        const struct kms_told *told = turn_over(env->play, host, part, &due_s);
        if (kms_result_copy(&result, &told->result) == KMS_OK) {
            move_times(told, due_s, kms_clock_wall_s(&env->clock), &result);
        }
    } else {
        result.outcome = KMS_OUTCOME_INTERNAL;
        kms_text_copy(result.detail, sizeof result.detail, "the recording has no result of it");
    }
    kms_done_fn *done = probe->done;
    void *done_arg = probe->arg;
    free_probe(probe);
    done(done_arg, &result);
    kms_result_done(&result);
}

static struct kms_probe *start(enum kms_source source, struct kms_env *env,
                               const struct kms_target *target, kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    *probe = (struct kms_probe){
        .env = env, .target = target, .source = source, .done = done, .arg = arg};
    probe->timer = kms_timer_new(env->loop, tell, probe);
    if (!probe->timer) {
        free(probe);
        return NULL;
    }
    kms_timer_set(probe->timer, 0);
    return probe;
}

#define PLAY(word, number)                                                                      \
    static struct kms_probe *start_##word(struct kms_env *env, const struct kms_target *target, \
                                          kms_done_fn *done, void *arg)                         \
    {                                                                                           \
        return start((number), env, target, done, arg);                                         \
    }                                                                                           \
    static const struct kms_probe_type play_##word = {                                          \
        .name = #word, .source = (number), .start = start_##word, .cancel = free_probe};
PLAY(rpc, KMS_SOURCE_RPC)
PLAY(activation, KMS_SOURCE_ACTIVATION)
PLAY(wsman, KMS_SOURCE_WSMAN)
PLAY(report, KMS_SOURCE_REPORT)
PLAY(events, KMS_SOURCE_EVENTS)
PLAY(dns, KMS_SOURCE_DNS)
#undef PLAY

const struct kms_probe_type *const *kms_play_types(void)
{
    static const struct kms_probe_type *const types[] = {
        &play_rpc, &play_activation, &play_wsman, &play_report, &play_events, &play_dns, NULL};
    return types;
}
