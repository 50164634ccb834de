/* The command probe-now: has hosts asked at once, waits for the answers, and tells what came. */
#include <stdlib.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_host.h"
#include "agent/control_hosts.h"
#include "agent/control_json.h"
#include "agent/scheduler.h"

/* Hosts of one request that are asked at the same time; others want to ask as well. */
#define AT_ONCE     16
#define PROGRESS_MS 1000

struct probing;

struct asked {
    struct probing *probing; /* NULL: free */
    struct kms_probe_now *handle;
};

struct probing {
    struct kms_control_call *call;
    struct kms_scheduler *scheduler;
    struct kms_control_hosts hosts;
    bool all;
    struct asked asked[AT_ONCE];
    size_t under_way;
    bool asked_all; /* no host is left to be asked */
    struct kms_timer *progress;
    uint64_t ended_before;
    struct kms_probed sum; /* polls, and the longest time */
    size_t counted;        /* hosts of the summary */
    uint32_t by_state[5];
    struct {
        enum kms_source source;
        enum kms_outcome outcome;
        uint32_t count;
    } met[64];
    size_t met_count;
};

/* ---- the end ---- */

static void count_outcome(struct probing *probing, enum kms_source source, enum kms_outcome outcome)
{
    for (size_t i = 0; i < probing->met_count; i++) {
        if (probing->met[i].source == source && probing->met[i].outcome == outcome) {
            probing->met[i].count++;
            return;
        }
    }
    if (probing->met_count < sizeof probing->met / sizeof probing->met[0]) {
        probing->met[probing->met_count].source = source;
        probing->met[probing->met_count].outcome = outcome;
        probing->met[probing->met_count++].count = 1;
    }
}

static void put_summary(struct probing *probing)
{
    const struct kms_word_set *states = kms_words_state();
    bool ok = true;
    json_t *item = json_object(), *outcomes = json_array();
    for (size_t i = 0; i < probing->met_count; i++) {
        const struct kms_outcome_row *row = kms_outcome_row(probing->met[i].outcome);
        json_t *met = json_object();
        kms_json_word(met, "source", kms_words_source(), (int)probing->met[i].source, &ok);
        kms_json_text(met, "outcome", row->token, &ok);
        kms_json_flag(met, "good", kms_outcome_good(row->number), &ok);
        kms_json_text(met, "text", row->meaning, &ok);
        if (row->kind != KMS_OUTCOME_IS_GOOD) {
            kms_json_some(met, "next-step", row->hint, &ok);
        }
        kms_json_number(met, "count", probing->met[i].count, &ok);
        kms_json_append(outcomes, met, &ok);
    }
    kms_json_text(item, "item", "summary", &ok);
    kms_json_number(item, "hosts", (int64_t)probing->counted, &ok);
    for (size_t i = 0; i < states->count; i++) {
        kms_json_number(item, states->words[i].label, probing->by_state[states->words[i].number],
                        &ok);
    }
    kms_json_number(item, "polls", (int64_t)probing->sum.polls, &ok);
    kms_json_number(item, "wall-us", probing->sum.wall_us, &ok);
    kms_json_put(item, "outcomes", outcomes, &ok);
    kms_control_put(probing->call, kms_json_whole(item, ok));
}

/* A reload may have taken hosts away that were being asked: nobody is to believe that they are
 * well.
 */
static void end_of_hosts(struct probing *probing)
{
    size_t gone = probing->all ? 0 : probing->hosts.named - probing->counted;
    if (gone > 0) {
        kms_control_fail(probing->call, "kmsmon show lists the hosts",
                         gone == 1 ? "%zu of the hosts is not watched any more"
                                   : "%zu of the hosts are not watched any more",
                         gone);
        return;
    }
    put_summary(probing);
    kms_control_end(probing->call);
}

/* A host at each step: counted, and told unless it is one of all. */
static void put_host(struct kms_control_call *call)
{
    struct probing *probing = kms_control_kept(call);
    size_t slot;
    const struct kms_snapshot *snapshot = kms_control_hosts_next(
        &probing->hosts, kms_control_parts(call)->board, &slot);
    if (!snapshot) {
        end_of_hosts(probing);
        return;
    }
    probing->counted++;
    probing->by_state[snapshot->judgement.state]++;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (snapshot->target->source[i].enabled && snapshot->last[i]) {
            count_outcome(probing, (enum kms_source)i, snapshot->last[i]->outcome);
        }
    }
    if (!probing->all) {
        kms_control_put(call, kms_control_host_sources(snapshot));
    }
}

/* ---- asking ---- */

static void ask_more(struct kms_control_call *call);

static void go_on(struct probing *probing)
{
    if (probing->asked_all && probing->under_way == 0) {
        kms_timer_stop(probing->progress);
        probing->hosts.at = 0;
        kms_control_step(probing->call, put_host);
    } else if (!probing->asked_all) {
        kms_control_step(probing->call, ask_more);
    }
}

static void on_probed(void *arg, const struct kms_probed *probed)
{
    struct asked *asked = arg;
    struct probing *probing = asked->probing;
    *asked = (struct asked){0};
    probing->under_way--;
    probing->sum.polls += probed->polls;
    if (probed->wall_us > probing->sum.wall_us) {
        probing->sum.wall_us = probed->wall_us;
    }
    go_on(probing);
}

/* False: no more can be asked for now. */
static bool ask(struct probing *probing, size_t slot)
{
    struct asked *asked = probing->asked;
    while (asked->probing) {
        asked++;
    }
    asked->handle = kms_scheduler_probe_now(probing->scheduler, slot, on_probed, asked);
    if (!asked->handle) {
        return false;
    }
    asked->probing = probing;
    probing->under_way++;
    return true;
}

/* A host at each step. Where others ask for too much already, the next answer goes on; where there
 * is none to be waited for, the call fails. */
static void ask_more(struct kms_control_call *call)
{
    struct probing *probing = kms_control_kept(call);
    const struct kms_board *board = kms_control_parts(call)->board;
    size_t at = probing->hosts.at, slot = KMS_SCHEDULER_ALL;
    if (probing->under_way == AT_ONCE) {
        kms_control_step(call, NULL);
        return;
    }
    bool any = probing->all || kms_control_hosts_next(&probing->hosts, board, &slot) != NULL;
    if (any && !ask(probing, slot)) {
        probing->hosts.at = at;
        kms_control_step(call, NULL);
        if (probing->under_way == 0) {
            kms_control_fail(call, "try again in a moment", "too many ask for polls already");
        }
        return;
    }
    probing->asked_all = !any || probing->all;
    if (probing->asked_all) {
        kms_control_step(call, NULL);
        go_on(probing);
    }
}

static void on_progress(void *arg)
{
    struct probing *probing = arg;
    struct kms_scheduler_view view = kms_scheduler_view(probing->scheduler);
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "progress", &ok);
    kms_json_number(item, "ended", (int64_t)(view.ended - probing->ended_before), &ok);
    kms_json_number(item, "polls", (int64_t)view.polls, &ok);
    kms_json_number(item, "in-flight", (int64_t)view.in_flight, &ok);
    kms_json_number(item, "waiting", (int64_t)view.waiting, &ok);
    kms_control_put(probing->call, kms_json_whole(item, ok));
    kms_timer_set_real(probing->progress, PROGRESS_MS);
}

static void find_host(struct kms_control_call *call)
{
    struct probing *probing = kms_control_kept(call);
    bool all = false;
    if (!kms_control_hosts_find(&probing->hosts, call, &all) || !all) {
        return;
    }
    kms_control_ok(call, NULL);
    probing->ended_before = kms_scheduler_view(probing->scheduler).ended;
    kms_timer_set_real(probing->progress, PROGRESS_MS);
    kms_control_step(call, ask_more);
}

static void start_probe_now(struct kms_control_call *call)
{
    const struct kms_control_parts *parts = kms_control_parts(call);
    struct probing *probing = calloc(1, sizeof *probing);
    if (!probing) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, probing);
    probing->call = call;
    probing->scheduler = parts->scheduler;
    probing->all = json_is_true(json_object_get(kms_control_request(call), "all"));
    probing->progress = kms_timer_new(parts->loop, on_progress, probing);
    if (!probing->progress) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    if (!kms_control_hosts_begin(&probing->hosts, call)) {
        return;
    }
    if (probing->all != kms_control_hosts_are_all(&probing->hosts)) {
        kms_control_fail(call, "name hosts, or say all",
                         "which hosts are to be asked is not clear");
        return;
    }
    kms_control_step(call, find_host);
}

static void end_probe_now(struct kms_control_call *call)
{
    struct probing *probing = kms_control_kept(call);
    if (!probing) {
        return;
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        if (probing->asked[i].probing) {
            kms_scheduler_forget(probing->scheduler, probing->asked[i].handle);
        }
    }
    kms_timer_free(probing->progress);
    kms_control_hosts_done(&probing->hosts);
    free(probing);
}

const struct kms_control_command kms_control_probe_now = {
    .name = "probe-now", .changes = true, .start = start_probe_now, .done = end_probe_now};
