/* Which domains are looked up: those that the site and its hosts name. */
#include "agent/lookups_parts.h"

#include <stdlib.h>
#include <string.h>

#define SPREAD_MS    50    /* at most between the first lookups of two domains */
#define SPREAD_IN_MS 10000 /* all of them, where the interval is not shorter */

static bool grow(struct kms_lookups *l)
{
    if (l->count < l->cap) {
        return true;
    }
    size_t cap = l->cap == 0 ? 16 : l->cap * 2;
    struct kms_lookup **lookup = realloc(l->lookup, cap * sizeof(struct kms_lookup *));
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
    struct kms_lookup **of_zone = realloc(l->of_zone, room * sizeof(struct kms_lookup *));
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
    struct kms_lookup *lookup = has_room ? kms_lookup_new(l, zone, discovers) : NULL;
    if (!lookup) {
        return false;
    }
    l->lookup[l->count++] = lookup;
    l->of_zone[zone] = lookup;
    return true;
}

static bool add_domains_of(struct kms_lookups *l, const struct kms_target *target)
{
    /* One that was discovered is where it was found, and no reason to look elsewhere. What is
     * played are the domains of the recording, which are wished for. */
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
bool kms_lookups_add_domains(struct kms_lookups *l)
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

void kms_lookups_plan_first_round(struct kms_lookups *l, size_t from)
{
    int64_t now = kms_lookups_now_us(l), count = (int64_t)(l->count - from);
    int64_t longest_ms = l->config.interval_ms < SPREAD_IN_MS ? l->config.interval_ms
                                                              : SPREAD_IN_MS;
    int64_t all_ms = count * SPREAD_MS < longest_ms ? count * SPREAD_MS : longest_ms;
    for (int64_t i = 0; i < count; i++) {
        struct kms_lookup *lookup = l->lookup[from + (size_t)i];
        int64_t delay_ms = i * all_ms / count;
        kms_lookup_plan(lookup, now + delay_ms * 1000, delay_ms);
    }
}

/* Until the domain's block says otherwise. */
enum kms_status kms_lookups_wish_nothing(struct kms_lookups *l)
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
    struct kms_lookup *lookup = l->lookup[at];
    kms_log_write(l->config.log, KMS_LOG_INFO, "dns %s: watched no longer",
                  kms_zones_get(l->config.zones, lookup->zone)->name);
    if (l->authorities) {
        kms_authorities_forget(l->authorities, lookup->zone);
    }
    kms_zones_drop(l->config.zones, lookup->zone);
    l->of_zone[lookup->zone] = NULL;
    memmove(&l->lookup[at], &l->lookup[at + 1], (l->count - at - 1) * sizeof(struct kms_lookup *));
    l->count--;
    kms_lookup_quit(lookup);
    kms_lookup_free(lookup);
}

void kms_lookups_drop_unwanted(struct kms_lookups *l)
{
    for (size_t i = l->count; i > 0; i--) {
        if (!l->lookup[i - 1]->wanted) {
            drop_domain(l, i - 1);
        }
    }
}

void kms_lookups_keep_within(struct kms_lookups *l)
{
    int64_t now = kms_lookups_now_us(l), interval_us = l->config.interval_ms * 1000;
    for (size_t i = 0; i < l->count; i++) {
        struct kms_lookup *lookup = l->lookup[i];
        int64_t left_us = lookup->due_us - now;
        if (!lookup->probe && left_us > interval_us) {
            kms_lookup_plan(lookup, now + left_us % interval_us, left_us % interval_us / 1000);
        }
    }
}
