/* One timer for each domain, a bound on how many are asked at once, and the way of the answers to
 * zones and hosts. */
#include "agent/lookups.h"

#include <stdlib.h>
#include <string.h>

#include "agent/authorities.h"
#include "agent/discover.h"
#include "agent/lookup_record.h"
#include "agent/lookups_memory.h"
#include "agent/news.h"
#include "agent/strangers.h"
#include "agent/turns.h"
#include "base/text.h"
#include "dns/probe.h"

/* A lookup that waits for longer makes way for another: servers that never answer hold up nobody,
 * and as many as fit into the time limit wait beside those that are in flight. */
#define PATIENCE_MS  250
#define SPREAD_MS    50    /* at most between the first lookups of two domains */
#define SPREAD_IN_MS 10000 /* all of them, where the interval is not shorter */
#define SAVE_MS      600000
#define REFRESH_MS   200 /* news of hosts are collected that long */
/* With many hosts and records judging takes time: at most one part in so many of the loop's. */
#define REFRESH_PART 10
#define SLICE_US     2000

/* One domain. Never more than one lookup of it. */
struct lookup {
    struct kms_lookups *lookups;
    size_t zone;
    bool discovers;
    bool wanted;    /* while wishes change: so far */
    uint64_t print; /* of what is saved of it */
    int64_t due_us;
    struct kms_timer *timer;
    struct kms_dns_probe *probe; /* NULL: not running */
    struct kms_turn turn;
    bool has_turn; /* it runs, and counts among those in flight */
    struct kms_timer *patience;
};

/* A host's place in all domains, as one number: what its result was made from, and what is so now.
 */
struct place {
    uint64_t told, found; /* 0: in no domain */
    bool due;             /* its domain was looked up */
};

/* All domains and hosts are looked at in slices, so that SNMP is answered in between. */
enum step { STEP_NONE, STEP_PLANNED, STEP_ZONES, STEP_HOSTS };

struct kms_lookups {
    struct kms_lookups_config config;
    struct lookup **lookup;
    size_t count, cap;
    struct lookup **of_zone; /* by zone; NULL: none */
    size_t zone_count;
    struct kms_turns turns;
    struct kms_discovery discovery;
    bool held;
    struct kms_strangers *strangers;     /* NULL: not probed */
    struct kms_authorities *authorities; /* NULL: not asked */
    struct place *place;                 /* by slot */
    size_t place_count;
    struct kms_timer *refresh;
    enum step step;
    bool poked;           /* while it was under way */
    bool changing;        /* it follows from other wishes */
    size_t refreshed;     /* zones, then slots, of this refresh */
    bool any_published;   /* in this refresh */
    int64_t spent_us;     /* on this refresh */
    int64_t refresh_ms;   /* how long they are collected at present */
    uint64_t made, saved; /* changes that are worth a write */
    int64_t made_us;
};

static int64_t now_us(const struct kms_lookups *l)
{
    return kms_clock_mono_us(&l->config.env->clock);
}

static void complain(const struct kms_lookups *l, const char *about, enum kms_status status)
{
    kms_log_write(l->config.log, KMS_LOG_ERROR, "dns %s: %s, keeping what was known", about,
                  kms_status_text(status));
}

/* ---- from domains to hosts ---- */

static bool grow_places(struct kms_lookups *l)
{
    size_t count = kms_board_count(l->config.board);
    if (count <= l->place_count) {
        return true;
    }
    struct place *place = realloc(l->place, count * sizeof *place);
    if (!place) {
        return false;
    }
    for (size_t i = l->place_count; i < count; i++) {
        place[i] = (struct place){0};
    }
    l->place = place;
    l->place_count = count;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

/* Expected or found in the domain: their results are due after its lookup, before and after it
 * changed. */
static void mark_due(struct kms_lookups *l, size_t zone)
{
    const struct kms_zone *of = kms_zones_get(l->config.zones, zone);
    for (size_t i = 0; i < of->publication_count; i++) {
        if (of->publication[i].host_slot < l->place_count) {
            l->place[of->publication[i].host_slot].due = true;
        }
    }
}

static void find_places(struct kms_lookups *l)
{
    for (size_t slot = 0; slot < l->place_count; slot++) {
        l->place[slot].found = 0;
    }
    for (size_t z = 0; z < kms_zones_count(l->config.zones); z++) {
        const struct kms_zone *zone = kms_zones_get(l->config.zones, z);
        for (size_t i = 0; i < zone->publication_count; i++) {
            const struct kms_zone_publication *publication = &zone->publication[i];
            if (publication->host_slot < l->place_count) {
                uint64_t *found = &l->place[publication->host_slot].found;
                *found = mix(*found, z + 1);
                *found = mix(*found, (uint64_t)publication->publication);
                *found = mix(*found, (uint64_t)publication->state);
            }
        }
    }
}

static void publish_result(struct kms_lookups *l, size_t slot, const struct kms_result *result)
{
    struct kms_change change = {0};
    enum kms_status status = kms_board_publish(l->config.board, slot, result, &change);
    const struct kms_snapshot *snapshot = kms_board_snapshot(l->config.board, slot);
    if (status != KMS_OK) {
        complain(l, snapshot->target->name, status);
        return;
    }
    kms_news_state(l->config.log, snapshot, &change);
}

/* A host that is in no domain any more has nothing to be judged by. */
static void publish_absence(struct kms_lookups *l, size_t slot)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_DNS);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = kms_clock_wall_s(&l->config.env->clock);
    kms_text_copy(result.detail, sizeof result.detail, "named in none of the watched domains");
    publish_result(l, slot, &result);
    kms_result_done(&result);
}

static void publish_host(struct kms_lookups *l, size_t slot)
{
    struct place *place = &l->place[slot];
    struct kms_result result;
    if (place->found == 0) {
        if (place->told != 0) {
            publish_absence(l, slot);
        }
    } else if (kms_zones_host_result(l->config.zones, slot, &result)) {
        if (result.outcome != KMS_OUTCOME_NONE) { /* else its domain was never looked up */
            publish_result(l, slot, &result);
        }
        kms_result_done(&result);
    }
    place->told = place->found;
    place->due = false;
}

/* The records may lead elsewhere now. */
static void poke_strangers(struct kms_lookups *l)
{
    if (l->strangers) {
        kms_strangers_poke(l->strangers);
    }
}

/* The hosts whose domain was looked up, and those whose judgement changed with the other hosts'. */
static void publish_hosts(struct kms_lookups *l)
{
    if (!grow_places(l)) {
        complain(l, "hosts", KMS_ENOMEM);
        return;
    }
    find_places(l);
    bool any = false;
    for (size_t slot = 0; slot < l->place_count; slot++) {
        const struct place *place = &l->place[slot];
        if (place->due || place->told != place->found) {
            publish_host(l, slot);
            any = true;
        }
    }
    if (any && l->config.published) {
        l->config.published(l->config.arg);
    }
}

static void refresh(struct kms_lookups *l)
{
    enum kms_status status = kms_zones_refresh(l->config.zones);
    if (status != KMS_OK) {
        complain(l, "records", status);
    }
    poke_strangers(l);
}

static bool refresh_zones(struct kms_lookups *l, int64_t until_us)
{
    while (l->refreshed < kms_zones_count(l->config.zones)) {
        enum kms_status status = kms_zones_refresh_one(l->config.zones, l->refreshed++);
        if (status != KMS_OK) {
            complain(l, "records", status);
        }
        if (now_us(l) >= until_us) {
            return false;
        }
    }
    return true;
}

static bool refresh_hosts(struct kms_lookups *l, int64_t until_us)
{
    while (l->refreshed < l->place_count) {
        size_t slot = l->refreshed++;
        const struct place *place = &l->place[slot];
        if (!place->due && place->told == place->found) {
            continue;
        }
        publish_host(l, slot);
        l->any_published = true;
        if (now_us(l) >= until_us) {
            return false;
        }
    }
    return true;
}

static void begin_hosts(struct kms_lookups *l)
{
    l->refreshed = 0;
    l->step = STEP_HOSTS;
    poke_strangers(l);
    if (grow_places(l)) {
        find_places(l);
    } else {
        complain(l, "hosts", KMS_ENOMEM);
    }
}

static void end_refresh(struct kms_lookups *l)
{
    int64_t pause_ms = l->spent_us * REFRESH_PART / 1000;
    bool any = l->any_published;
    l->step = STEP_NONE;
    l->changing = false;
    l->refresh_ms = pause_ms > REFRESH_MS ? pause_ms : REFRESH_MS;
    if (any && l->config.published) {
        l->config.published(l->config.arg);
    }
    if (l->poked) {
        l->poked = false;
        kms_lookups_poke(l);
    }
}

static void refresh_due(void *arg)
{
    struct kms_lookups *l = arg;
    int64_t start_us = now_us(l);
    if (l->step == STEP_PLANNED) {
        l->step = STEP_ZONES;
        l->refreshed = 0;
        l->spent_us = 0;
        l->any_published = false;
    }
    if (l->step == STEP_ZONES && refresh_zones(l, start_us + SLICE_US)) {
        begin_hosts(l);
    }
    bool is_over = l->step == STEP_HOSTS && refresh_hosts(l, start_us + SLICE_US);
    l->spent_us += now_us(l) - start_us;
    if (is_over) {
        end_refresh(l);
    } else {
        kms_timer_set(l->refresh, 0);
    }
}

void kms_lookups_poke(struct kms_lookups *l)
{
    if (l->step == STEP_NONE) {
        l->step = STEP_PLANNED;
        kms_timer_set(l->refresh, l->refresh_ms);
    } else {
        l->poked = l->step != STEP_PLANNED;
    }
}

/* ---- the next process ---- */

bool kms_lookups_unsaved(void *arg)
{
    const struct kms_lookups *l = arg;
    return l->made != l->saved;
}

enum kms_status kms_lookups_render(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark)
{
    const struct kms_lookups *l = arg;
    enum kms_status status = kms_lookups_remember(&l->config, &l->discovery, ret_text);
    if (status == KMS_OK) {
        *ret_mark = l->made;
    }
    return status;
}

void kms_lookups_saved(void *arg, uint64_t mark)
{
    struct kms_lookups *l = arg;
    l->saved = mark;
}

void kms_lookups_unsave(struct kms_lookups *l)
{
    l->made++;
    l->made_us = now_us(l);
}

/* Times alone are worth a write only now and then. */
static void note(struct lookup *lookup, bool has_changed)
{
    struct kms_lookups *l = lookup->lookups;
    uint64_t print = kms_lookups_print(kms_zones_get(l->config.zones, lookup->zone));
    bool is_time = now_us(l) - l->made_us >= SAVE_MS * INT64_C(1000);
    if (!has_changed && !is_time && print == lookup->print) {
        return;
    }
    lookup->print = print;
    kms_lookups_unsave(l);
    if (l->config.seen_changed) {
        l->config.seen_changed(l->config.arg);
    }
}

/* ---- lookups ---- */

static void forget_retired(struct kms_lookups *l)
{
    for (size_t slot = 0; slot < l->place_count; slot++) {
        if (kms_board_snapshot(l->config.board, slot)->retired) {
            l->place[slot] = (struct place){0};
        }
    }
}

/* The domain was looked up: hosts come and go. Returns whether any did. */
static bool follow(struct lookup *lookup)
{
    struct kms_lookups *l = lookup->lookups;
    const struct kms_zone *zone = kms_zones_get(l->config.zones, lookup->zone);
    if (l->held) { /* its next lookup will do */
        return false;
    }
    bool has_new = lookup->discovers && kms_discover(&l->config, &l->discovery, zone) > 0;
    if (has_new) {
        refresh(l);
    }
    kms_discover_saw(&l->config, &l->discovery, zone);
    if (kms_discover_retire(&l->config, &l->discovery, zone) == 0) {
        return has_new;
    }
    forget_retired(l);
    refresh(l);
    return true;
}

static void take_in(struct lookup *lookup, const struct kms_zone_lookup *answer)
{
    struct kms_lookups *l = lookup->lookups;
    struct kms_zones *zones = l->config.zones;
    mark_due(l, lookup->zone);
    enum kms_status status = kms_zones_publish(zones, lookup->zone, answer);
    if (status != KMS_OK) {
        complain(l, kms_zones_get(zones, lookup->zone)->name, status);
    }
    note(lookup, follow(lookup));
    poke_strangers(l);
    if (grow_places(l)) {
        mark_due(l, lookup->zone);
    }
    publish_hosts(l);
    kms_timer_set(lookup->timer,
                  kms_turn_next_ms(&lookup->due_us, l->config.interval_ms * 1000, now_us(l)));
}

static void give_turn_back(struct lookup *lookup)
{
    kms_timer_stop(lookup->patience);
    if (lookup->has_turn) {
        lookup->has_turn = false;
        kms_turns_end(&lookup->lookups->turns);
    }
}

static void patience_over(void *arg)
{
    give_turn_back(arg);
}

static void answered(void *arg, const struct kms_dns_domain *domain)
{
    struct lookup *lookup = arg;
    struct kms_lookups *l = lookup->lookups;
    lookup->probe = NULL;
    struct kms_zone_lookup answer;
    struct kms_zone_record *record;
    (void)kms_lookup_take(domain, kms_clock_wall_s(&l->config.env->clock), &answer, &record);
    take_in(lookup, &answer);
    free(record);
    give_turn_back(lookup);
    if (l->authorities) {
        kms_authorities_ask(l->authorities, lookup->zone, domain);
    }
}

static bool start(void *arg)
{
    struct lookup *lookup = arg;
    const struct kms_lookups_config *config = &lookup->lookups->config;
    const char *domain = kms_zones_get(config->zones, lookup->zone)->name;
    lookup->probe = kms_dns_start(config->env->resolver, config->env->loop, domain,
                                  config->timeout_ms, answered, lookup);
    if (!lookup->probe) {
        struct kms_zone_lookup none = kms_lookup_without_memory(
            kms_clock_wall_s(&config->env->clock));
        take_in(lookup, &none);
        return false;
    }
    lookup->has_turn = true;
    kms_timer_set(lookup->patience, PATIENCE_MS);
    return true;
}

static void lookup_due(void *arg)
{
    struct lookup *lookup = arg;
    kms_turns_ask(&lookup->lookups->turns, &lookup->turn);
}

/* ---- what is looked up ---- */

static bool grow(struct kms_lookups *l)
{
    if (l->count < l->cap) {
        return true;
    }
    size_t cap = l->cap == 0 ? 16 : l->cap * 2;
    struct lookup **lookup = realloc(l->lookup, cap * sizeof(struct lookup *));
    if (!lookup) {
        return false;
    }
    l->lookup = lookup;
    l->cap = cap;
    return true;
}

static bool grow_zones(struct kms_lookups *l, size_t count)
{
    if (count <= l->zone_count) {
        return true;
    }
    size_t room = count * 2;
    struct lookup **of_zone = realloc(l->of_zone, room * sizeof(struct lookup *));
    if (!of_zone) {
        return false;
    }
    for (size_t i = l->zone_count; i < room; i++) {
        of_zone[i] = NULL;
    }
    l->of_zone = of_zone;
    l->zone_count = room;
    return true;
}

static void free_lookup(struct lookup *lookup)
{
    kms_dns_cancel(lookup->probe);
    kms_timer_free(lookup->patience);
    kms_timer_free(lookup->timer);
    free(lookup);
}

static bool add_domain(struct kms_lookups *l, const char *domain, bool discovers, size_t *ret_zone)
{
    size_t zone;
    if (kms_zones_add(l->config.zones, domain, &zone) != KMS_OK) {
        return false;
    }
    *ret_zone = zone;
    if (zone < l->zone_count && l->of_zone[zone]) {
        l->of_zone[zone]->wanted = true;
        l->of_zone[zone]->discovers |= discovers;
        return true;
    }
    bool has_room = grow(l) && grow_zones(l, zone + 1);
    struct lookup *lookup = has_room ? calloc(1, sizeof *lookup) : NULL;
    if (!lookup) {
        return false;
    }
    *lookup = (struct lookup){.lookups = l,
                              .zone = zone,
                              .discovers = discovers,
                              .wanted = true,
                              .turn = {.start = start, .arg = lookup}};
    lookup->timer = kms_timer_new(l->config.env->loop, lookup_due, lookup);
    lookup->patience = kms_timer_new(l->config.env->loop, patience_over, lookup);
    if (!lookup->timer || !lookup->patience) {
        free_lookup(lookup);
        return false;
    }
    l->lookup[l->count++] = lookup;
    l->of_zone[zone] = lookup;
    return true;
}

static bool add_domains_of(struct kms_lookups *l, const struct kms_target *target)
{
    /* One that was discovered is where it was found, and no reason to look elsewhere. */
    bool is_found = target->origin != KMS_ORIGIN_CONFIGURED;
    bool is_played = l->config.env->play != NULL;
    if (!target->source[KMS_SOURCE_DNS].enabled || is_found || is_played) {
        return true;
    }
    const char *own = kms_target_domain(target);
    size_t ignored;
    bool whole = !own || add_domain(l, own, false, &ignored);
    for (size_t i = 0; whole && i < target->publish_in.count; i++) {
        whole = add_domain(l, target->publish_in.text[i], false, &ignored);
    }
    return whole;
}

/* Its hosts were checked with the configuration. */
static bool add_wish(struct kms_lookups *l, const struct kms_site_domain *domain)
{
    size_t zone;
    struct kms_zone_expected *expect = calloc(domain->expect.count + 1, sizeof *expect);
    bool whole = expect && add_domain(l, domain->name, false, &zone);
    size_t count = 0;
    for (size_t i = 0; whole && i < domain->expect.count; i++) {
        count += kms_zone_expected_parse(domain->expect.text[i], &expect[count]) ? 1 : 0;
    }
    whole = whole && kms_zones_wish(l->config.zones, zone, (uint32_t)domain->want_hosts, expect,
                                    count) == KMS_OK;
    free(expect);
    return whole;
}

/* Those that discover first, so that a domain that is both does. */
static bool add_domains(struct kms_lookups *l)
{
    const struct kms_texts *discover = l->config.discover;
    bool whole = true;
    size_t ignored;
    for (size_t i = 0; whole && discover && i < discover->count; i++) {
        whole = add_domain(l, discover->text[i], true, &ignored);
    }
    for (size_t slot = 0; whole && slot < kms_board_count(l->config.board); slot++) {
        whole = add_domains_of(l, kms_board_snapshot(l->config.board, slot)->target);
    }
    for (size_t i = 0; whole && i < l->config.domain_count; i++) {
        whole = add_wish(l, &l->config.domain[i]);
    }
    return whole;
}

/* Those from the position on, which are new. */
static void plan_first_round(struct kms_lookups *l, size_t from)
{
    int64_t now = now_us(l), count = (int64_t)(l->count - from);
    int64_t longest_ms = l->config.interval_ms < SPREAD_IN_MS ? l->config.interval_ms
                                                              : SPREAD_IN_MS;
    int64_t all_ms = count * SPREAD_MS < longest_ms ? count * SPREAD_MS : longest_ms;
    for (int64_t i = 0; i < count; i++) {
        struct lookup *lookup = l->lookup[from + (size_t)i];
        int64_t delay_ms = i * all_ms / count;
        lookup->due_us = now + delay_ms * 1000;
        kms_timer_set(lookup->timer, delay_ms);
    }
}

static void strangers_changed(void *arg)
{
    kms_lookups_poke(arg);
}

static bool open_strangers(struct kms_lookups *l)
{
    const struct kms_lookups_config *config = &l->config;
    if (!config->bind) {
        return true;
    }
    const struct kms_strangers_config strangers = {.env = config->env,
                                                   .bind = config->bind,
                                                   .zones = config->zones,
                                                   .interval_ms = config->interval_ms,
                                                   .timeout_ms = config->rpc_timeout_ms,
                                                   .changed = strangers_changed,
                                                   .arg = l};
    l->strangers = kms_strangers_new(&strangers);
    if (l->strangers) {
        kms_zones_set_strangers(config->zones, kms_strangers_state, l->strangers);
    }
    return l->strangers != NULL;
}

static bool recall(struct kms_lookups *l)
{
    kms_zones_forget_after(l->config.zones, (l->config.forget_after_ms + 999) / 1000);
    return !l->config.seen ||
           kms_lookups_recall(&l->config, &l->discovery, l->config.seen) == KMS_OK;
}

static void servers_failed(void *arg, const char *domain, enum kms_status status)
{
    complain(arg, domain, status);
}

static bool open_authorities(struct kms_lookups *l)
{
    const struct kms_lookups_config *config = &l->config;
    if (!config->ask_servers) {
        return true;
    }
    const struct kms_authorities_config authorities = {.env = config->env,
                                                       .zones = config->zones,
                                                       .servers = config->servers,
                                                       .port = config->servers_port,
                                                       .timeout_ms = config->timeout_ms,
                                                       .failed = servers_failed,
                                                       .arg = l};
    l->authorities = kms_authorities_new(&authorities);
    return l->authorities != NULL;
}

struct kms_lookups *kms_lookups_new(const struct kms_lookups_config *config)
{
    struct kms_lookups *l = calloc(1, sizeof *l);
    if (!l) {
        return NULL;
    }
    *l = (struct kms_lookups){
        .config = *config, .turns = {.max = KMS_LOOKUPS_IN_FLIGHT_MAX}, .refresh_ms = REFRESH_MS};
    l->refresh = kms_timer_new(config->env->loop, refresh_due, l);
    if (!l->refresh || !open_strangers(l) || !open_authorities(l) || !add_domains(l) ||
        !recall(l) || !grow_places(l)) {
        kms_lookups_free(l);
        return NULL;
    }
    plan_first_round(l, 0);
    return l;
}

/* ---- other wishes ---- */

bool kms_lookups_is_settled(const struct kms_lookups *l)
{
    return !l->changing;
}

void kms_lookups_hold(struct kms_lookups *l, bool held)
{
    l->held = held;
}

void kms_lookups_forget_host(struct kms_lookups *l, size_t slot)
{
    kms_discover_forget(&l->discovery, slot);
    if (slot < l->place_count) {
        l->place[slot] = (struct place){0};
    }
}

/* Until the domain's block says otherwise. */
static enum kms_status wish_nothing(struct kms_lookups *l)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < l->count; i++) {
        l->lookup[i]->wanted = l->lookup[i]->discovers = false;
        status = kms_zones_wish(l->config.zones, l->lookup[i]->zone, 1, NULL, 0);
    }
    return status;
}

static void drop_domain(struct kms_lookups *l, size_t at)
{
    struct lookup *lookup = l->lookup[at];
    kms_log_write(l->config.log, KMS_LOG_INFO, "dns %s: watched no longer",
                  kms_zones_get(l->config.zones, lookup->zone)->name);
    kms_turns_forget(&l->turns, &lookup->turn);
    if (l->authorities) {
        kms_authorities_forget(l->authorities, lookup->zone);
    }
    kms_zones_drop(l->config.zones, lookup->zone);
    l->of_zone[lookup->zone] = NULL;
    memmove(&l->lookup[at], &l->lookup[at + 1], (l->count - at - 1) * sizeof(struct lookup *));
    l->count--;
    give_turn_back(lookup);
    free_lookup(lookup);
}

static void drop_unwanted(struct kms_lookups *l)
{
    for (size_t i = l->count; i > 0; i--) {
        if (!l->lookup[i - 1]->wanted) {
            drop_domain(l, i - 1);
        }
    }
}

/* What was due later than the interval is due within it, spread as it was. */
static void keep_within(struct kms_lookups *l)
{
    int64_t now = now_us(l), interval_us = l->config.interval_ms * 1000;
    for (size_t i = 0; i < l->count; i++) {
        struct lookup *lookup = l->lookup[i];
        int64_t left_us = lookup->due_us - now;
        if (!lookup->probe && left_us > interval_us) {
            lookup->due_us = now + left_us % interval_us;
            kms_timer_set(lookup->timer, (lookup->due_us - now) / 1000);
        }
    }
}

static void close_strangers(struct kms_lookups *l)
{
    kms_zones_set_strangers(l->config.zones, NULL, NULL);
    kms_strangers_free(l->strangers);
    l->strangers = NULL;
}

/* What was found out of them is kept unless nobody asks them any more. */
static bool change_strangers(struct kms_lookups *l)
{
    if (!l->config.bind) {
        if (l->strangers) {
            close_strangers(l);
        }
        return true;
    }
    if (l->strangers) {
        kms_strangers_set_times(l->strangers, l->config.interval_ms, l->config.rpc_timeout_ms);
        return true;
    }
    return open_strangers(l);
}

static bool change_authorities(struct kms_lookups *l)
{
    if (!l->config.ask_servers) {
        kms_authorities_free(l->authorities);
        l->authorities = NULL;
        return true;
    }
    if (l->authorities) {
        kms_authorities_set(l->authorities, l->config.servers, l->config.timeout_ms);
        return true;
    }
    return open_authorities(l);
}

/* Nobody asks the servers of a zone: what they said is not known any more. */
static enum kms_status forget_servers(struct kms_lookups *l)
{
    const struct kms_zone_servers unknown = {.known = false};
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && !l->config.ask_servers && i < l->count; i++) {
        if (kms_zones_get(l->config.zones, l->lookup[i]->zone)->servers.known) {
            status = kms_zones_publish_servers(l->config.zones, l->lookup[i]->zone, &unknown);
        }
    }
    return status;
}

static void take_over(struct kms_lookups *l, const struct kms_lookups_config *config)
{
    l->config = *config;
    l->config.seen = NULL;
    kms_zones_forget_after(l->config.zones, (l->config.forget_after_ms + 999) / 1000);
    kms_zones_set_site_lists(l->config.zones, config->site_lists);
}

enum kms_status kms_lookups_change(struct kms_lookups *l, const struct kms_lookups_config *config)
{
    take_over(l, config);
    if (kms_discover_review(&l->config, &l->discovery) > 0) {
        forget_retired(l);
    }
    size_t new_from = l->count;
    bool whole = wish_nothing(l) == KMS_OK && add_domains(l);
    plan_first_round(l, new_from);
    if (!whole || !change_authorities(l) || !change_strangers(l) || forget_servers(l) != KMS_OK ||
        !grow_places(l)) {
        return KMS_ENOMEM;
    }
    drop_unwanted(l);
    keep_within(l);
    l->step = STEP_PLANNED;
    l->poked = false;
    l->changing = true;
    kms_timer_set(l->refresh, 0);
    kms_lookups_unsave(l);
    if (l->config.seen_changed) {
        l->config.seen_changed(l->config.arg);
    }
    return KMS_OK;
}

void kms_lookups_free(struct kms_lookups *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        free_lookup(l->lookup[i]);
    }
    if (l->strangers) {
        kms_zones_set_strangers(l->config.zones, NULL, NULL);
    }
    kms_strangers_free(l->strangers);
    kms_authorities_free(l->authorities);
    kms_timer_free(l->refresh);
    kms_discover_done(&l->discovery);
    free(l->lookup);
    free(l->of_zone);
    free(l->place);
    free(l);
}
