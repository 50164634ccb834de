/* The command status: the daemon itself, its parts, and what is not well, each with its next step.
 */
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/agentx.h"
#include "agent/alarms.h"
#include "agent/control_command.h"
#include "agent/control_host.h"
#include "agent/control_json.h"
#include "agent/control_next.h"
#include "agent/keeper.h"
#include "agent/mib.h"
#include "agent/reload.h"
#include "agent/scheduler.h"
#include "agent/site.h"
#include "base/clock.h"
#include "base/text.h"
#include "model/zone.h"

#define WORST_MAX  20 /* hosts that are listed */
#define ALARMS_MAX 20 /* the youngest */
#define LATE_MS    5000

/* The worst hosts, found slot by slot. */
struct survey {
    size_t slot; /* the next to be looked at */
    size_t zone;
    struct {
        size_t slot;
        uint32_t index;
        enum kms_state state;
    } worst[WORST_MAX];
    size_t count;
    size_t shown;
    size_t alarms; /* of the youngest, shown */
};

/* What is said of a part of the daemon. */
struct told {
    enum kms_state state;
    char text[400];
    char next[300];
};

typedef bool part_fn(const struct kms_control_parts *parts, struct told *told);

static void tell_loss(const struct kms_agent_facts *facts, struct told *told)
{
    struct kms_reload_loss loss;
    if (kms_reload_tell_loss(facts, &loss)) {
        told->state = KMS_STATE_WARNING;
        kms_text_append(told->text, sizeof told->text, "; %s", loss.text);
        kms_text_copy(told->next, sizeof told->next, loss.next);
    }
}

static bool tell_config(const struct kms_control_parts *parts, struct told *told)
{
    const struct kms_agent_facts *facts = parts->facts;
    if (!facts) {
        return false;
    }
    char when[32];
    kms_date_text(when, sizeof when, facts->config_loaded_s);
    const char *path = parts->config ? parts->config : "no file";
    if (facts->config_result == KMS_CONFIG_OK) {
        told->state = KMS_STATE_OK;
        kms_text_format(told->text, sizeof told->text, "in force since %s UTC: %s", when, path);
        tell_loss(facts, told);
        return true;
    }
    told->state = KMS_STATE_WARNING;
    kms_text_format(told->text, sizeof told->text,
                    "the last one was rejected; the one of %s UTC stays in force: %s", when, path);
    kms_text_format(told->next, sizeof told->next,
                    "correct what 'kmsmond -t -c %s' names, then 'kmsmon reload'", path);
    return true;
}

static void tell_refusal(const struct kms_agentx_view *view, struct told *told)
{
    const struct kms_agentx_refusal *refusal = &view->refusal;
    char which[32] = "";
    if (refusal->tables < refusal->of) {
        kms_text_format(which, sizeof which, "%zu of ", refusal->tables);
    }
    if (refusal->other_has_it) {
        kms_text_format(told->text, sizeof told->text,
                        "another agent has %sthe tables below this master, snmpd at %s: nobody "
                        "sees those of this kmsmond",
                        which, view->socket);
        kms_text_copy(told->next, sizeof told->next,
                      "stop the other agent (is it another kmsmond?) or give this one another "
                      "master; it goes on asking");
    } else {
        kms_text_format(told->text, sizeof told->text,
                        "snmpd at %s refused %sthe tables with error %ld of AgentX: nobody sees "
                        "them",
                        view->socket, which, refusal->error);
        kms_text_copy(told->next, sizeof told->next,
                      "see the log of snmpd; kmsmond goes on asking");
    }
}

static bool tell_master(const struct kms_control_parts *parts, struct told *told)
{
    if (!parts->agentx) {
        return false;
    }
    struct kms_agentx_view view = kms_agentx_view(parts->agentx);
    bool is_well = view.standalone || (view.connected && view.refusal.tables == 0);
    told->state = is_well ? KMS_STATE_OK : KMS_STATE_CRITICAL;
    if (view.standalone) {
        kms_text_copy(told->text, sizeof told->text, "none: SNMP is answered by kmsmond itself");
    } else if (view.connected && view.refusal.tables > 0) {
        tell_refusal(&view, told);
    } else if (view.connected) {
        kms_text_format(told->text, sizeof told->text, "connected to snmpd at %s", view.socket);
    } else {
        kms_text_format(
            told->text, sizeof told->text,
            "no connection to snmpd at %s (%s): nobody sees the tables, no notification "
            "goes out",
            view.socket, view.why);
        kms_text_copy(told->next, sizeof told->next,
                      "is snmpd running, with 'master agentx' and the same agentXSocket, and may "
                      "this user open it? See the log of kmsmond");
    }
    return true;
}

static bool tell_polls(const struct kms_control_parts *parts, struct told *told)
{
    if (!parts->scheduler) {
        return false;
    }
    struct kms_scheduler_view view = kms_scheduler_view(parts->scheduler);
    /* A simulation counts its own time, and is late by less of ours. */
    int64_t speed = parts->facts && parts->facts->speed > 0 ? parts->facts->speed : 1;
    int64_t lag_ms = view.lag_ms / speed;
    char lag[32], worst[32];
    kms_text_span(lag, sizeof lag, lag_ms);
    kms_text_span(worst, sizeof worst, view.lag_worst_ms / speed);
    told->state = lag_ms < LATE_MS ? KMS_STATE_OK : KMS_STATE_WARNING;
    kms_text_format(told->text, sizeof told->text,
                    "%zu source%s, at most %s late (%s since the start); being asked: %zu, "
                    "waiting: %zu",
                    view.polls, kms_text_plural(view.polls), lag, worst, view.in_flight,
                    view.waiting);
    if (view.backed_off > 0) {
        kms_text_append(told->text, sizeof told->text, ", silent and asked less often: %zu",
                        view.backed_off);
    }
    if (told->state != KMS_STATE_OK) {
        kms_text_copy(told->next, sizeof told->next,
                      "too much to ask within the interval: raise interval, or give kmsmond a "
                      "faster machine");
    }
    return true;
}

static const char *store_word(const struct kms_keeper_view *view)
{
    return kms_word_label(kms_words_store_state(), (int)view->state);
}

static void tell_set_aside(const struct kms_keeper_view *view, struct told *told)
{
    char when[32];
    kms_date_text(when, sizeof when, view->rebuilt_s);
    told->state = KMS_STATE_WARNING;
    kms_text_append(told->text, sizeof told->text, "; %u set aside, the last at %s UTC",
                    (unsigned)view->rebuilt, when);
    if (told->next[0] == '\0') {
        kms_text_copy(told->next, sizeof told->next,
                      "look at the disk, and at what the log says was lost");
    }
}

static bool tell_store(const struct kms_control_parts *parts, struct told *told)
{
    if (!parts->keeper) {
        return false;
    }
    struct kms_keeper_view view = kms_keeper_view(parts->keeper);
    char when[32] = "never";
    if (view.written_s != 0) {
        kms_date_text(when, sizeof when, view.written_s);
        kms_text_append(when, sizeof when, " UTC");
    }
    kms_text_copy(told->next, sizeof told->next, view.advice);
    if (view.state == KMS_STORE_STATE_OK) {
        told->state = KMS_STATE_OK;
        kms_text_format(told->text, sizeof told->text, "written last: %s", when);
    } else {
        told->state = KMS_STATE_WARNING;
        kms_text_format(told->text, sizeof told->text,
                        "%s: %s; written last: %s, records that wait: %llu", store_word(&view),
                        view.trouble, when, (unsigned long long)view.waiting);
    }
    if (view.rebuilt > 0) {
        tell_set_aside(&view, told);
    }
    return true;
}

/* The words and times of the MIB. */
static void put_store(const struct kms_control_parts *parts, json_t *item, bool *ok)
{
    struct kms_keeper_view view = kms_keeper_view(parts->keeper);
    kms_json_text(item, "store-state", store_word(&view), ok);
    kms_json_number(item, "waiting", (int64_t)view.waiting, ok);
    kms_json_time(item, "written", view.written_s, ok);
    kms_json_number(item, "set-aside-count", view.rebuilt, ok);
    kms_json_time(item, "set-aside", view.rebuilt_s, ok);
}

static bool tell_notifications(const struct kms_control_parts *parts, struct told *told)
{
    if (!parts->alarms || !parts->agentx) {
        return false;
    }
    struct kms_agentx_view master = kms_agentx_view(parts->agentx);
    struct kms_alarm_counts counts = kms_agent_alarms_counts(parts->alarms);
    told->state = KMS_STATE_OK;
    if (kms_agent_alarms_is_silent(parts->alarms)) {
        kms_text_copy(told->text, sizeof told->text, "none: there is no master agent to send them");
        return true;
    }
    kms_text_format(told->text, sizeof told->text, "%llu sent, %llu suppressed, %zu wait",
                    (unsigned long long)counts.sent, (unsigned long long)counts.suppressed,
                    counts.waiting);
    if (counts.waiting > 0 && !master.connected) {
        told->state = KMS_STATE_WARNING;
        kms_text_copy(told->next, sizeof told->next,
                      "they are sent when the master agent is there again");
    }
    return true;
}

static bool tell_recording(const struct kms_control_parts *parts, struct told *told)
{
    if (!parts->facts || !parts->facts->simulated) {
        return false;
    }
    told->state = KMS_STATE_OK;
    kms_text_copy(told->text, sizeof told->text,
                  "a recording is played: nothing here is true of any host");
    return true;
}

static const struct part {
    const char *name;
    part_fn *tell;
    /* Members of its own; NULL: it has none. */
    void (*put)(const struct kms_control_parts *parts, json_t *item, bool *ok);
} part_rows[] = {
    {"simulation", tell_recording, NULL}, {"config", tell_config, NULL},
    {"master", tell_master, NULL},        {"polls", tell_polls, NULL},
    {"store", tell_store, put_store},     {"notifications", tell_notifications, NULL},
};

static void put_agent(struct kms_control_call *call)
{
    const struct kms_control_parts *parts = kms_control_parts(call);
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "agent", &ok);
    kms_json_text(item, "version", KMSMON_VERSION, &ok);
    kms_json_number(item, "pid", getpid(), &ok);
    kms_json_number(item, "uid", geteuid(), &ok);
    if (parts->facts) {
        kms_json_flag(item, "simulated", parts->facts->simulated, &ok);
        if (parts->facts->speed > 0) {
            kms_json_number(item, "speed", parts->facts->speed, &ok);
        }
        kms_json_time(item, "now", kms_clock_wall_s(parts->clock), &ok);
        kms_json_time(item, "started", parts->facts->started_s, &ok);
        kms_json_time(item, "config-loaded", parts->facts->config_loaded_s, &ok);
        kms_json_word(item, "config-result", kms_words_config_result(),
                      (int)parts->facts->config_result, &ok);
        kms_json_number(item, "interval", parts->facts->interval_s, &ok);
    }
    kms_json_some(item, "config", parts->config, &ok);
    kms_json_some(item, "state-dir", parts->site ? parts->site->state_dir : NULL, &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

static void put_hosts(struct kms_control_call *call)
{
    struct kms_board_totals totals = kms_board_totals(kms_control_parts(call)->board);
    const struct kms_word_set *states = kms_words_state();
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "hosts", &ok);
    kms_json_word(item, "state", states, (int)totals.overall, &ok);
    kms_json_number(item, "count", totals.hosts, &ok);
    for (size_t i = 0; i < states->count; i++) {
        kms_json_number(item, states->words[i].label, totals.by_state[states->words[i].number],
                        &ok);
    }
    kms_json_number(item, "polls", (int64_t)totals.attempts, &ok);
    kms_json_number(item, "polls-failed", (int64_t)totals.failures, &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

static void put_part(struct kms_control_call *call, const struct part *part)
{
    struct told told = {.state = KMS_STATE_UNKNOWN};
    if (!part->tell(kms_control_parts(call), &told)) {
        return;
    }
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "part", &ok);
    kms_json_text(item, "part", part->name, &ok);
    kms_json_word(item, "state", kms_words_state(), (int)told.state, &ok);
    kms_json_text(item, "text", told.text, &ok);
    kms_json_some(item, "next-step", told.next, &ok);
    if (part->put) {
        part->put(kms_control_parts(call), item, &ok);
    }
    kms_control_put(call, kms_json_whole(item, ok));
}

/* ---- what is not well ---- */

static bool is_worse(enum kms_state a, enum kms_state b)
{
    return a != b && kms_state_worse(a, b) == a;
}

/* Sorted by state, then as they come; the list keeps the worst. */
static void rank(struct survey *survey, size_t slot, uint32_t index, enum kms_state state)
{
    size_t at = survey->count;
    while (at > 0 && is_worse(state, survey->worst[at - 1].state)) {
        at--;
    }
    if (at == WORST_MAX) {
        return;
    }
    size_t last = survey->count < WORST_MAX ? survey->count++ : WORST_MAX - 1;
    for (; last > at; last--) {
        survey->worst[last] = survey->worst[last - 1];
    }
    survey->worst[at].slot = slot;
    survey->worst[at].index = index;
    survey->worst[at].state = state;
}

/* The youngest at each step; it may come twice, or be left out, when another comes or goes
 * meanwhile. */
static void put_alarm(struct kms_control_call *call)
{
    struct survey *survey = kms_control_kept(call);
    const struct kms_agent_alarms *alarms = kms_control_parts(call)->alarms;
    const struct kms_alarms *table = alarms ? kms_agent_alarms_table(alarms) : NULL;
    size_t count = table ? kms_alarms_count(table) : 0, at = survey->alarms++;
    if (at >= count || at >= ALARMS_MAX) {
        kms_control_end(call);
        return;
    }
    kms_control_put(call, kms_control_alarm(kms_alarms_at(table, count - 1 - at)));
}

static void put_alarms(struct kms_control_call *call)
{
    const struct kms_agent_alarms *alarms = kms_control_parts(call)->alarms;
    if (alarms) {
        bool ok = true;
        json_t *item = json_object();
        kms_json_text(item, "item", "alarms", &ok);
        kms_json_number(item, "count", (int64_t)kms_alarms_count(kms_agent_alarms_table(alarms)),
                        &ok);
        kms_control_put(call, kms_json_whole(item, ok));
    }
    kms_control_step(call, put_alarm);
}

static void put_worst(struct kms_control_call *call)
{
    struct survey *survey = kms_control_kept(call);
    const struct kms_board *board = kms_control_parts(call)->board;
    if (survey->shown == survey->count) {
        put_alarms(call);
        return;
    }
    size_t at = survey->shown++;
    size_t slot = survey->worst[at].slot;
    const struct kms_snapshot *snapshot = slot < kms_board_count(board)
                                              ? kms_board_snapshot(board, slot)
                                              : NULL;
    if (!snapshot || snapshot->retired || snapshot->index != survey->worst[at].index) {
        return;
    }
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "host", &ok);
    kms_json_text(item, "host", snapshot->target->name, &ok);
    kms_json_word(item, "state", kms_words_state(), (int)snapshot->judgement.state, &ok);
    kms_json_bits(item, "reasons", kms_words_reason(), snapshot->judgement.reasons, &ok);
    kms_json_text(item, "text", snapshot->judgement.summary, &ok);
    kms_json_some(item, "next-step", kms_control_next_step(snapshot), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

/* A domain at each step. */
static void put_domain(struct kms_control_call *call)
{
    struct survey *survey = kms_control_kept(call);
    const struct kms_zones *zones = kms_control_parts(call)->zones;
    if (!zones || survey->zone >= kms_zones_count(zones)) {
        kms_control_step(call, put_worst);
        return;
    }
    const struct kms_zone *zone = kms_zones_get(zones, survey->zone++);
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "item", "domain", &ok);
    kms_json_text(item, "domain", zone->name, &ok);
    kms_json_word(item, "state", kms_words_state(), (int)zone->state, &ok);
    kms_json_bits(item, "reasons", kms_words_reason(), zone->reasons, &ok);
    kms_json_text(item, "text", zone->summary[0] != '\0' ? zone->summary : zone->detail, &ok);
    kms_json_some(item, "next-step", kms_control_next_step_of_domain(zone), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

/* A host at each step; nothing is put meanwhile. */
static void look_at_host(struct kms_control_call *call)
{
    struct survey *survey = kms_control_kept(call);
    const struct kms_board *board = kms_control_parts(call)->board;
    if (survey->slot >= kms_board_count(board)) {
        kms_control_step(call, put_domain);
        return;
    }
    size_t slot = survey->slot++;
    const struct kms_snapshot *snapshot = kms_board_snapshot(board, slot);
    if (!snapshot->retired && snapshot->judgement.state != KMS_STATE_OK) {
        rank(survey, slot, snapshot->index, snapshot->judgement.state);
    }
}

static void start_status(struct kms_control_call *call)
{
    struct survey *survey = calloc(1, sizeof *survey);
    if (!survey) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, survey);
    kms_control_ok(call, NULL);
    put_agent(call);
    for (size_t i = 0; i < KMS_COUNT_OF(part_rows); i++) {
        put_part(call, &part_rows[i]);
    }
    put_hosts(call);
    kms_control_step(call, look_at_host);
}

static void end_status(struct kms_control_call *call)
{
    free(kms_control_kept(call));
}

const struct kms_control_command kms_control_status = {
    .name = "status", .start = start_status, .done = end_status};
