/* Puts what the board knows of a host into JSON. */
#include "agent/control_host.h"

#include <jansson.h>

#include "agent/alarms.h"
#include "agent/control_json.h"
#include "agent/control_next.h"
#include "base/text.h"
#include "model/zone.h"

/* ---- a line of a list ---- */

static bool stands_before(const struct kms_class_judgement *a, const struct kms_class_judgement *b)
{
    if (a->state != b->state) {
        return kms_state_worse(a->state, b->state) == a->state;
    }
    if (a->wanted != b->wanted) {
        return a->wanted;
    }
    return a->required > b->required;
}

/* The class that stands for the host: the worst, of equal ones one that the site relies on, then
 * the one that wants most. */
static const struct kms_class_judgement *telling_class(const struct kms_judgement *judgement)
{
    const struct kms_class_judgement *best = NULL;
    for (size_t i = 1; i <= KMS_CLASS_MAX; i++) {
        const struct kms_class_judgement *cls = &judgement->cls[i];
        if (cls->present && (!best || stands_before(cls, best))) {
            best = cls;
        }
    }
    return best;
}

static void put_count(json_t *object, const struct kms_judgement *judgement, bool *ok)
{
    const struct kms_class_judgement *cls = telling_class(judgement);
    int64_t count;
    if (!cls) {
        return;
    }
    kms_json_number(object, "required", cls->required, ok);
    if (cls->key >= 0 &&
        kms_facts_number(&judgement->key[cls->key].facts, KMS_FACT_CURRENT_COUNT, &count)) {
        kms_json_number(object, "count", count, ok);
    }
}

/* The worst of those that count. */
static void put_key(json_t *object, const struct kms_judgement *judgement, bool *ok)
{
    const struct kms_key_judgement *worst = NULL;
    for (size_t i = 0; i < judgement->key_count; i++) {
        const struct kms_key_judgement *key = &judgement->key[i];
        if (key->superseded) {
            continue;
        }
        if (!worst || (key->key_state != worst->key_state &&
                       kms_state_worse(key->key_state, worst->key_state) == key->key_state)) {
            worst = key;
        }
    }
    if (worst) {
        char text[160];
        kms_judge_key_short(worst, text, sizeof text);
        kms_json_text(object, "key", text, ok);
        kms_json_word(object, "key-state", kms_words_state(), (int)worst->key_state, ok);
    }
}

static void put_published(json_t *object, const struct kms_judgement *judgement, bool *ok)
{
    int64_t publication;
    if (kms_facts_number(&judgement->host, KMS_FACT_PUBLICATION, &publication)) {
        kms_json_word(object, "publication", kms_words_publication_state(), (int)publication, ok);
    }
}

static json_t *make_row(const struct kms_snapshot *snapshot, bool *ok)
{
    const struct kms_judgement *judgement = &snapshot->judgement;
    json_t *object = json_object();
    kms_json_text(object, "host", snapshot->target->name, ok);
    kms_json_number(object, "index", snapshot->index, ok);
    kms_json_text(object, "address", kms_target_address(snapshot->target), ok);
    kms_json_number(object, "port", snapshot->target->port, ok);
    kms_json_word(object, "state", kms_words_state(), (int)judgement->state, ok);
    kms_json_bits(object, "reasons", kms_words_reason(), judgement->reasons, ok);
    kms_json_text(object, "text", judgement->summary, ok);
    put_count(object, judgement, ok);
    put_key(object, judgement, ok);
    put_published(object, judgement, ok);
    if (judgement->data_known) {
        kms_json_time(object, "data-time", judgement->data_s, ok);
        kms_json_number(object, "data-age", judgement->data_age_s, ok);
    }
    return object;
}

struct json_t *kms_control_host_row(const struct kms_snapshot *snapshot)
{
    bool ok = true;
    json_t *object = make_row(snapshot, &ok);
    return kms_json_whole(object, ok);
}

/* ---- sources ---- */

static json_t *source_object(const struct kms_snapshot *snapshot, size_t source, bool *ok)
{
    const struct kms_tally *tally = &snapshot->tally[source];
    const struct kms_result *last = snapshot->last[source];
    const struct kms_source_judgement *judged = &snapshot->judgement.source[source];
    const struct kms_outcome_row *row = kms_outcome_row(last ? last->outcome : KMS_OUTCOME_NONE);
    json_t *object = json_object();
    kms_json_word(object, "source", kms_words_source(), (int)source, ok);
    kms_json_text(object, "outcome", row->token, ok);
    kms_json_flag(object, "good", kms_outcome_good(row->number), ok);
    kms_json_text(object, "text", last && last->detail[0] != '\0' ? last->detail : row->meaning,
                  ok);
    if (row->kind != KMS_OUTCOME_IS_GOOD) {
        kms_json_some(object, "next-step", row->hint, ok);
    }
    kms_json_flag(object, "stale", judged->stale, ok);
    if (judged->age_known) {
        kms_json_number(object, "data-age", judged->age_s, ok);
    }
    kms_json_time(object, "last-attempt", tally->last_attempt_s, ok);
    kms_json_time(object, "last-success", tally->last_success_s, ok);
    kms_json_number(object, "attempts", tally->attempts, ok);
    kms_json_number(object, "failures", tally->failures, ok);
    kms_json_number(object, "failures-in-a-row", tally->consecutive_failures, ok);
    if (last) {
        kms_json_number(object, "duration-us", last->duration_us, ok);
    }
    return object;
}

static json_t *sources_array(const struct kms_snapshot *snapshot, bool *ok)
{
    json_t *array = json_array();
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (snapshot->target->source[i].enabled || snapshot->last[i]) {
            kms_json_append(array, source_object(snapshot, i, ok), ok);
        }
    }
    return array;
}

struct json_t *kms_control_host_sources(const struct kms_snapshot *snapshot)
{
    bool ok = true;
    json_t *object = make_row(snapshot, &ok);
    kms_json_put(object, "sources", sources_array(snapshot, &ok), &ok);
    return kms_json_whole(object, ok);
}

/* ---- keys, classes, publications ---- */

static json_t *window_object(const struct kms_key_judgement *key, bool *ok)
{
    const struct kms_window_view *view = &key->window;
    json_t *object = json_object();
    kms_json_number(object, "span", view->span_s, ok);
    kms_json_number(object, "total", view->total, ok);
    kms_json_number(object, "failed", view->failed, ok);
    if (view->rate_known) {
        kms_json_number(object, "total-per-hour", view->total_per_hour, ok);
        kms_json_number(object, "failed-per-hour", view->failed_per_hour, ok);
    }
    kms_json_number(object, "failed-permille", view->failed_permille, ok);
    kms_json_time(object, "counters-since", key->discontinuity_s, ok);
    return object;
}

static json_t *key_object(const struct kms_key_judgement *key, bool *ok)
{
    json_t *object = json_object();
    char text[300];
    kms_judge_key_name(key, text, sizeof text);
    kms_json_text(object, "key", text, ok);
    kms_json_number(object, "index", key->index, ok);
    kms_json_word(object, "application", kms_words_application(), (int)key->application, ok);
    kms_json_word(object, "source", kms_words_source(), (int)key->source, ok);
    kms_json_word(object, "state", kms_words_state(), (int)key->state, ok);
    kms_json_bits(object, "reasons", kms_words_reason(), key->reasons, ok);
    kms_judge_key_text(key, text, sizeof text);
    kms_json_text(object, "text", text, ok);
    kms_json_flag(object, "superseded", key->superseded, ok);
    kms_json_flag(object, "stale", key->stale, ok);
    kms_json_bits(object, "classes", kms_words_client_class(), key->classes, ok);
    if (kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS)) {
        kms_judge_requests_text(key, text, sizeof text);
        kms_json_text(object, "requests", text, ok);
    }
    if (key->window.known) {
        kms_json_put(object, "window", window_object(key, ok), ok);
    }
    kms_json_time(object, "data-time", key->data_s, ok);
    kms_json_facts(object, "facts", &key->facts, ok);
    return object;
}

static json_t *class_object(const struct kms_class_judgement *cls, uint32_t declared, bool *ok)
{
    json_t *object = json_object();
    char text[100];
    kms_json_word(object, "class", kms_words_client_class(), (int)cls->client_class, ok);
    kms_json_word(object, "state", kms_words_state(), (int)cls->state, ok);
    kms_json_word(object, "verdict", kms_words_verdict(), (int)cls->verdict, ok);
    kms_judge_class_text(cls, text, sizeof text);
    kms_text_append(text, sizeof text, "%s", kms_judge_reliance_text(cls, declared));
    kms_json_text(object, "text", text, ok);
    kms_json_flag(object, "declared", cls->wanted, ok);
    kms_json_number(object, "required", cls->required, ok);
    if (cls->headroom_known) {
        kms_json_number(object, "headroom", cls->headroom, ok);
    }
    if (cls->key >= 0) {
        kms_json_number(object, "key-number", cls->key, ok);
    }
    return object;
}

static json_t *publication_object(const struct kms_zone *zone,
                                  const struct kms_zone_publication *publication, bool *ok)
{
    json_t *object = json_object();
    kms_json_text(object, "domain", zone->name, ok);
    kms_json_word(object, "state", kms_words_state(), (int)publication->state, ok);
    kms_json_word(object, "publication", kms_words_publication_state(),
                  (int)publication->publication, ok);
    kms_json_flag(object, "expected", publication->expected, ok);
    kms_json_text(object, "text", publication->reason, ok);
    kms_json_time(object, "missing-since", publication->missing_since_s, ok);
    return object;
}

/* The publications of a domain are sorted by slot. */
static const struct kms_zone_publication *find_publication(const struct kms_zone *zone, size_t slot,
                                                           uint32_t index)
{
    size_t low = 0, high = zone->publication_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->publication[middle].host_slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct kms_zone_publication *found = low < zone->publication_count
                                                   ? &zone->publication[low]
                                                   : NULL;
    return found && found->host_slot == slot && found->host_index == index ? found : NULL;
}

static void put_publications(json_t *object, const struct kms_snapshot *snapshot, size_t slot,
                             const struct kms_zones *zones, bool *ok)
{
    json_t *array = json_array();
    for (size_t i = 0; zones && i < kms_zones_count(zones); i++) {
        const struct kms_zone *zone = kms_zones_get(zones, i);
        const struct kms_zone_publication *found = find_publication(zone, slot, snapshot->index);
        if (found) {
            kms_json_append(array, publication_object(zone, found, ok), ok);
        }
    }
    kms_json_put(object, "publications", array, ok);
}

/* ---- alarms ---- */

struct json_t *kms_control_alarm(const struct kms_alarm_view *alarm)
{
    bool ok = true;
    json_t *object = json_object();
    char name[400];
    kms_json_text(object, "item", "alarm", &ok);
    kms_text_format(name, sizeof name, "%s%s%s", alarm->owner, alarm->object[0] ? ", " : "",
                    alarm->object);
    kms_json_text(object, "alarm", name, &ok);
    kms_json_number(object, "index", alarm->index, &ok);
    kms_json_word(object, "type", kms_words_alarm_type(), (int)alarm->type, &ok);
    kms_json_word(object, "state", kms_words_state(), (int)alarm->severity, &ok);
    kms_json_text(object, "owner", alarm->owner, &ok);
    kms_json_some(object, "object", alarm->object, &ok);
    kms_json_time(object, "since", alarm->since_s, &ok);
    kms_json_text(object, "text", alarm->text, &ok);
    kms_json_flag(object, "suppressed", alarm->suppressed, &ok);
    return kms_json_whole(object, ok);
}

/* Names of hosts are unique, and a domain's alarms are of another type. */
static void put_alarms(json_t *object, const struct kms_snapshot *snapshot,
                       const struct kms_control_parts *parts, bool *ok)
{
    const struct kms_alarms *table = parts->alarms ? kms_agent_alarms_table(parts->alarms) : NULL;
    json_t *array = json_array();
    for (size_t i = 0; table && i < kms_alarms_count(table); i++) {
        const struct kms_alarm_view *alarm = kms_alarms_at(table, i);
        if (kms_text_equal(alarm->owner, snapshot->target->name)) {
            kms_json_append(array, kms_control_alarm(alarm), ok);
        }
    }
    kms_json_put(object, "alarms", array, ok);
}

struct json_t *kms_control_host_details(const struct kms_snapshot *snapshot, size_t slot,
                                        const struct kms_control_parts *parts)
{
    const struct kms_judgement *judgement = &snapshot->judgement;
    bool ok = true;
    char text[300];
    json_t *object = make_row(snapshot, &ok);
    json_t *keys = json_array(), *classes = json_array();
    for (size_t i = 0; i < judgement->key_count; i++) {
        kms_json_append(keys, key_object(&judgement->key[i], &ok), &ok);
    }
    for (size_t i = 1; i <= KMS_CLASS_MAX; i++) {
        if (judgement->cls[i].present) {
            kms_json_append(classes,
                            class_object(&judgement->cls[i], snapshot->target->classes, &ok), &ok);
        }
    }
    kms_json_some(object, "next-step", kms_control_next_step(snapshot), &ok);
    kms_json_word(object, "origin", kms_words_origin(), (int)snapshot->target->origin, &ok);
    kms_json_bits(object, "coverage", kms_words_coverage(), judgement->coverage, &ok);
    kms_json_some(object, "drift", judgement->drift, &ok);
    kms_judge_machine_text(judgement, text, sizeof text);
    kms_json_some(object, "machine", text, &ok);
    kms_json_put(object, "sources", sources_array(snapshot, &ok), &ok);
    kms_json_facts(object, "facts", &judgement->host, &ok);
    kms_json_put(object, "classes", classes, &ok);
    kms_json_put(object, "keys", keys, &ok);
    put_publications(object, snapshot, slot, parts->zones, &ok);
    put_alarms(object, snapshot, parts, &ok);
    return kms_json_whole(object, ok);
}
