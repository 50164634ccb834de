/* Plays recorded results, one source of one host at a time, and recorded lookups. */
#include "agent/play.h"

#include <stdlib.h>
#include <strings.h>

#include "agent/course.h"
#include "agent/play_domains.h"
#include "base/text.h"
#include "rpc/probe.h"

/* What is told of one source of one host. */
struct part {
    const struct kms_told **told; /* in the order of at_ms */
    struct kms_course course;
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
    struct kms_play_domains *domains; /* NULL: the recording has none */
};

struct kms_probe {
    struct kms_env *env;
    const struct kms_target *target;
    enum kms_source source;
    bool is_bind; /* of what a record leads to, whatever hosts there are */
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
    part->told = calloc(count + 1, sizeof(const struct kms_told *));
    if (!part->told || !kms_course_init(&part->course, count, host->repeat_ms)) {
        return false;
    }
    for (size_t i = 0; i < host->told_count; i++) {
        if (host->told[i].result.source == source) {
            part->told[part->course.count] = &host->told[i];
            kms_course_add(&part->course, host->told[i].at_ms);
        }
    }
    return true;
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
    if (whole && recording->domain_count > 0) {
        play->domains = kms_play_domains_new(recording);
        whole = play->domains != NULL;
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
            kms_course_done(&play->host[i].part[source].course);
        }
    }
    kms_play_domains_free(play->domains);
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

static int64_t gone_ms(const struct kms_play *play)
{
    return (kms_clock_mono_us(play->clock) - play->start_us) / 1000;
}

/* What this poll tells, and when it became due (wall clock). */
static const struct kms_told *turn_over(const struct kms_play *play, struct part *part,
                                        int64_t *ret_due_s)
{
    int64_t due_ms;
    size_t told = kms_course_turn(&part->course, gone_ms(play), &due_ms);
    *ret_due_s = play->start_s + due_ms / 1000;
    return part->told[told];
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

/* A host that was discovered, or what a record leads to. */
static void tell_bind(const struct kms_probe *probe, struct kms_result *result)
{
    const struct kms_target *target = probe->target;
    const struct kms_play_domains *domains = probe->env->play->domains;
    enum kms_rpc_state state = KMS_RPC_UNKNOWN;
    if (domains) {
        state = kms_play_domains_bind(domains, kms_target_address(target), target->port);
    }
    result->outcome = kms_rpc_outcome_of(state);
    if (state == KMS_RPC_UNKNOWN) {
        kms_text_copy(result->detail, sizeof result->detail, "the recording has no result of it");
        return;
    }
    if (kms_facts_set_number(&result->host, KMS_FACT_RPC_STATE, state) != KMS_OK) {
        result->outcome = KMS_OUTCOME_NO_MEMORY;
    }
    kms_text_copy(result->detail, sizeof result->detail,
                  kms_word_meaning(kms_words_rpc_state(), (int)state));
}

static void tell(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_env *env = probe->env;
    struct kms_result result;
    kms_result_init(&result, probe->source);
    result.outcome = KMS_OUTCOME_NO_MEMORY;
    struct host_parts *host = probe->is_bind ? NULL : find_host(env->play, probe->target->name);
    struct part *part = host ? &host->part[probe->source] : NULL;
    if (part && part->course.count > 0) {
        int64_t due_s;
        const struct kms_told *told = turn_over(env->play, part, &due_s);
        if (kms_result_copy(&result, &told->result) == KMS_OK) {
            move_times(told, due_s, kms_clock_wall_s(&env->clock), &result);
        }
    } else if (probe->source == KMS_SOURCE_RPC) {
        tell_bind(probe, &result);
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

static struct kms_probe *start(enum kms_source source, bool is_bind, struct kms_env *env,
                               const struct kms_target *target, kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    *probe = (struct kms_probe){.env = env,
                                .target = target,
                                .source = source,
                                .is_bind = is_bind,
                                .done = done,
                                .arg = arg};
    probe->timer = kms_timer_new(env->loop, tell, probe);
    if (!probe->timer) {
        free(probe);
        return NULL;
    }
    kms_timer_set(probe->timer, 0);
    return probe;
}

#define PLAY(word, number, bind)                                                                \
    static struct kms_probe *start_##word(struct kms_env *env, const struct kms_target *target, \
                                          kms_done_fn *done, void *arg)                         \
    {                                                                                           \
        return start((number), (bind), env, target, done, arg);                                 \
    }                                                                                           \
    static const struct kms_probe_type play_##word = {                                          \
        .name = #word, .source = (number), .start = start_##word, .cancel = free_probe};
PLAY(rpc, KMS_SOURCE_RPC, false)
PLAY(activation, KMS_SOURCE_ACTIVATION, false)
PLAY(wsman, KMS_SOURCE_WSMAN, false)
PLAY(report, KMS_SOURCE_REPORT, false)
PLAY(events, KMS_SOURCE_EVENTS, false)
PLAY(dns, KMS_SOURCE_DNS, false)
PLAY(bind, KMS_SOURCE_RPC, true)
#undef PLAY

const struct kms_probe_type *const *kms_play_types(const struct kms_play *play)
{
    static const struct kms_probe_type *const types[] = {
        &play_rpc, &play_activation, &play_wsman, &play_report, &play_events, &play_dns, NULL};
    static const struct kms_probe_type *const but_dns[] = {
        &play_rpc, &play_activation, &play_wsman, &play_report, &play_events, NULL};
    return play->domains ? but_dns : types;
}

const struct kms_probe_type *kms_play_bind(void)
{
    return &play_bind;
}

/* ---- one lookup ---- */

struct kms_played_lookup {
    struct kms_play *play;
    struct kms_timer *timer;
    char *name;
    kms_dns_done_fn *done;
    void *arg;
};

void kms_played_lookup_cancel(struct kms_played_lookup *lookup)
{
    if (lookup) {
        kms_timer_free(lookup->timer);
        free(lookup->name);
        free(lookup);
    }
}

static void tell_lookup(void *arg)
{
    struct kms_played_lookup *lookup = arg;
    struct kms_play *play = lookup->play;
    struct kms_dns_domain domain;
    char *name = lookup->name;
    lookup->name = NULL;
    kms_dns_done_fn *done = lookup->done;
    void *done_arg = lookup->arg;
    kms_play_domains_turn(play->domains, name, gone_ms(play), &domain);
    kms_played_lookup_cancel(lookup);
    done(done_arg, &domain);
    kms_dns_domain_done(&domain);
    free(name);
}

struct kms_played_lookup *kms_played_lookup_start(struct kms_env *env, const char *domain,
                                                  kms_dns_done_fn *done, void *arg)
{
    struct kms_played_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        return NULL;
    }
    *lookup = (struct kms_played_lookup){
        .play = env->play, .name = kms_text_dup(domain), .done = done, .arg = arg};
    lookup->timer = lookup->name ? kms_timer_new(env->loop, tell_lookup, lookup) : NULL;
    if (!lookup->timer) {
        kms_played_lookup_cancel(lookup);
        return NULL;
    }
    kms_timer_set(lookup->timer, 0);
    return lookup;
}

bool kms_play_servers(const struct kms_play *play, const char *domain, struct kms_zone_servers *ret)
{
    return kms_play_domains_servers(play->domains, domain, ret);
}
