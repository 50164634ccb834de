/* One domain's lookup: its time, its turn, and the way of its answer to the zone and the hosts. */
#include "agent/lookups_parts.h"

#include <stdlib.h>

#include "agent/lookup_record.h"
#include "agent/play.h"

/* A lookup that waits for longer makes way for another: servers that never answer hold up nobody,
 * and as many as fit into the time limit wait beside those that are in flight. */
#define PATIENCE_MS 250

/* The domain was looked up: hosts come and go. Returns whether any did. */
static bool follow(struct kms_lookup *lookup)
{
    struct kms_lookups *l = lookup->lookups;
    const struct kms_zone *zone = kms_zones_get(l->config.zones, lookup->zone);
    if (l->held) { /* its next lookup will do */
        return false;
    }
    bool has_new = lookup->discovers && kms_discover(&l->config, &l->discovery, zone) > 0;
    if (has_new) {
        kms_lookups_hosts_refresh(l->hosts);
    }
    kms_discover_saw(&l->config, &l->discovery, zone);
    if (kms_discover_retire(&l->config, &l->discovery, zone) == 0) {
        return has_new;
    }
    kms_lookups_hosts_forget_retired(l->hosts);
    kms_lookups_hosts_refresh(l->hosts);
    return true;
}

static void take_in(struct kms_lookup *lookup, const struct kms_zone_lookup *answer)
{
    struct kms_lookups *l = lookup->lookups;
    struct kms_zones *zones = l->config.zones;
    kms_lookups_hosts_mark_due(l->hosts, lookup->zone);
    enum kms_status status = kms_zones_publish(zones, lookup->zone, answer);
    if (status != KMS_OK) {
        kms_lookups_complain(&l->config, kms_zones_get(zones, lookup->zone)->name, status);
    }
    kms_lookup_note(lookup, follow(lookup));
    kms_lookups_hosts_poke_strangers(l->hosts);
    if (kms_lookups_hosts_grow(l->hosts)) {
        kms_lookups_hosts_mark_due(l->hosts, lookup->zone);
    }
    kms_lookups_hosts_publish(l->hosts);
    kms_timer_set(lookup->timer, kms_turn_next_ms(&lookup->due_us, l->config.interval_ms * 1000,
                                                  kms_lookups_now_us(l)));
}

static void give_turn_back(struct kms_lookup *lookup)
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
    struct kms_lookup *lookup = arg;
    struct kms_lookups *l = lookup->lookups;
    lookup->probe = NULL;
    lookup->played = NULL;
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

/* A recording is asked in the place of the resolver; nothing else is different. */
static bool ask(struct kms_lookup *lookup)
{
    const struct kms_lookups_config *config = &lookup->lookups->config;
    const char *domain = kms_zones_get(config->zones, lookup->zone)->name;
    if (config->env->play) {
        lookup->played = kms_played_lookup_start(config->env, domain, answered, lookup);
    } else {
        lookup->probe = kms_dns_start(config->env->resolver, config->env->loop, domain,
                                      config->timeout_ms, answered, lookup);
    }
    return lookup->played || lookup->probe;
}

static bool start(void *arg)
{
    struct kms_lookup *lookup = arg;
    const struct kms_lookups_config *config = &lookup->lookups->config;
    if (!ask(lookup)) {
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
    struct kms_lookup *lookup = arg;
    kms_turns_ask(&lookup->lookups->turns, &lookup->turn);
}

struct kms_lookup *kms_lookup_new(struct kms_lookups *l, size_t zone, bool discovers)
{
    struct kms_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        return NULL;
    }
    *lookup = (struct kms_lookup){.lookups = l,
                                  .zone = zone,
                                  .discovers = discovers,
                                  .wanted = true,
                                  .turn = {.start = start, .arg = lookup}};
    lookup->timer = kms_timer_new(l->config.env->loop, lookup_due, lookup);
    lookup->patience = kms_timer_new(l->config.env->loop, patience_over, lookup);
    if (!lookup->timer || !lookup->patience) {
        kms_lookup_free(lookup);
        return NULL;
    }
    return lookup;
}

void kms_lookup_free(struct kms_lookup *lookup)
{
    kms_dns_cancel(lookup->probe);
    kms_played_lookup_cancel(lookup->played);
    kms_timer_free(lookup->patience);
    kms_timer_free(lookup->timer);
    free(lookup);
}

void kms_lookup_plan(struct kms_lookup *lookup, int64_t due_us, int64_t delay_ms)
{
    lookup->due_us = due_us;
    kms_timer_set(lookup->timer, delay_ms);
}

void kms_lookup_quit(struct kms_lookup *lookup)
{
    kms_turns_forget(&lookup->lookups->turns, &lookup->turn);
    give_turn_back(lookup);
}
