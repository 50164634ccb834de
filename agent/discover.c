/* From a record to a host: who is new, what it is called, and no more of them than the machine
 * bears. */
#include "agent/discover.h"

#include <stdlib.h>

#include "base/text.h"

#define HOST_NAME_SIZE (KMS_ZONE_NAME_SIZE + 8) /* with a port */

static const struct kms_target *target_in(const struct kms_board *board, size_t slot)
{
    return kms_board_snapshot(board, slot)->target;
}

/* A configured host has the port that the configuration says: a record with another one is a
 * mistake, not a host. Of a discovered host the record's port is all that is known. */
static bool covers(const struct kms_target *target, const struct kms_zone_record *record)
{
    return target->origin == KMS_ORIGIN_CONFIGURED || target->port == record->port;
}

/* The record is worth no other host, called name: there is one. */
static bool is_called_already(const struct kms_board *board, const struct kms_watched *watched,
                              const struct kms_zone_record *record, const char *name)
{
    size_t slot, at = 0;
    bool is_name;
    while (kms_watched_next(watched, board, name, &at, &slot, &is_name)) {
        if (is_name) {
            return true;
        }
    }
    at = 0;
    while (kms_watched_next(watched, board, record->target, &at, &slot, &is_name)) {
        if (covers(target_in(board, slot), record)) {
            return true;
        }
    }
    return false;
}

static bool is_watched(const struct kms_board *board, const struct kms_watched *watched,
                       const struct kms_zone_record_view *view, const char *name)
{
    return (view->host_known && covers(target_in(board, view->host_slot), &view->record)) ||
           is_called_already(board, watched, &view->record, name);
}

/* The texts of ret are borrowed: the board copies them. */
static void describe(const struct kms_lookups_config *config, const struct kms_zone_record *record,
                     char *name, char *address, const struct kms_texts *domain,
                     struct kms_target *ret)
{
    *ret = (struct kms_target){.name = name,
                               .address = address,
                               .port = record->port,
                               .port_given = true,
                               .origin = KMS_ORIGIN_DISCOVERED,
                               .publish_in = *domain};
    ret->source[KMS_SOURCE_RPC] = (struct kms_source_config){.enabled = true,
                                                             .timeout_ms = config->rpc_timeout_ms};
    ret->source[KMS_SOURCE_DNS] = (struct kms_source_config){.enabled = true,
                                                             .timeout_ms = config->timeout_ms};
}

static void say_no_memory(const struct kms_lookups_config *config, const char *domain,
                          const char *name)
{
    kms_log_write(config->log, KMS_LOG_ERROR, "discover %s: out of memory for host %s", domain,
                  name);
}

/* One that is on the board must come to be probed. */
static void plan(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                 const char *domain, size_t slot)
{
    discovery->waits = kms_scheduler_add(config->scheduler, slot) != KMS_OK;
    discovery->waiting_slot = slot;
    if (discovery->waits) {
        say_no_memory(config, domain, target_in(config->board, slot)->name);
    }
}

static bool make_room(struct kms_discovery *discovery)
{
    if (discovery->count < discovery->cap) {
        return true;
    }
    size_t cap = discovery->cap == 0 ? 16 : discovery->cap * 2;
    struct kms_discovered *host = realloc(discovery->host, cap * sizeof *host);
    if (!host) {
        return false;
    }
    discovery->host = host;
    discovery->cap = cap;
    return true;
}

/* NULL: out of memory, which was said. */
static struct kms_discovered *add(const struct kms_lookups_config *config,
                                  struct kms_discovery *discovery, const char *domain,
                                  const struct kms_zone_record *record, char *name)
{
    char own[KMS_ZONE_NAME_SIZE], address[KMS_ZONE_NAME_SIZE];
    kms_text_copy(own, sizeof own, domain);
    kms_text_copy(address, sizeof address, record->target);
    const struct kms_texts domains = {.text = (char *[]){own}, .count = 1};
    struct kms_target target;
    describe(config, record, name, kms_text_equal(name, address) ? NULL : address, &domains,
             &target);
    uint32_t number = make_room(discovery) ? config->number_of_host(config->arg, name) : 0;
    size_t slot;
    if (number == 0 || kms_board_add(config->board, &target, number, &slot) != KMS_OK) {
        say_no_memory(config, domain, name);
        return NULL;
    }
    kms_watched_added(&discovery->watched, config->board, slot);
    struct kms_discovered *added = &discovery->host[discovery->count++];
    *added = (struct kms_discovered){.slot = slot};
    return added;
}

void kms_discover_follow_clock(const struct kms_lookups_config *config,
                               struct kms_discovery *discovery)
{
    int64_t apart_us = kms_zones_apart_us(config->zones);
    int64_t by_s = (apart_us - discovery->apart_us) / 1000000;
    for (size_t i = 0; by_s != 0 && i < discovery->count; i++) {
        struct kms_discovered *host = &discovery->host[i];
        host->first_seen_s += host->first_kept ? 0 : by_s;
        host->last_seen_s += host->last_kept ? 0 : by_s;
    }
    discovery->apart_us = apart_us;
}

static bool add_new(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                    const struct kms_zone *zone, const struct kms_zone_record *record, char *name)
{
    kms_discover_follow_clock(config, discovery);
    struct kms_discovered *added = add(config, discovery, zone->name, record, name);
    if (!added) {
        return false;
    }
    added->first_seen_s = added->last_seen_s = zone->last_success_s;
    kms_log_write(config->log, KMS_LOG_INFO,
                  "discover %s: new host %s, from its record %s:%u with priority %u and weight %u",
                  zone->name, name, record->target, (unsigned)record->port,
                  (unsigned)record->priority, (unsigned)record->weight);
    plan(config, discovery, zone->name, added->slot);
    return true;
}

static void say_full(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                     const struct kms_zone *zone)
{
    if (!discovery->full) {
        kms_log_write(config->log, KMS_LOG_WARNING,
                      "discover %s: %zu hosts were discovered, more are not watched; look at the "
                      "records, name the hosts that matter in the configuration, or raise "
                      "discovered-max",
                      zone->name, config->discovered_max);
    }
    discovery->full = true;
}

size_t kms_discover(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                    const struct kms_zone *zone)
{
    size_t before = discovery->count;
    if (discovery->waits) {
        plan(config, discovery, zone->name, discovery->waiting_slot);
    }
    for (size_t i = 0; !discovery->waits && i < zone->record_count; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        const struct kms_zone_record *record = &view->record;
        char name[HOST_NAME_SIZE];
        kms_text_copy(name, sizeof name, record->target);
        if (record->port != KMS_DEFAULT_PORT) {
            kms_text_append(name, sizeof name, ":%u", (unsigned)record->port);
        }
        if (!view->present || record->flaw) {
            continue;
        }
        if (kms_watched_sync(&discovery->watched, config->board) != KMS_OK) {
            say_no_memory(config, zone->name, name);
            break;
        }
        if (is_watched(config->board, &discovery->watched, view, name)) {
            continue;
        }
        if (discovery->count >= config->discovered_max) {
            say_full(config, discovery, zone);
            break;
        }
        (void)add_new(config, discovery, zone, record, name);
    }
    return discovery->count - before;
}

/* ---- over time ---- */

static struct kms_discovered *find(struct kms_discovery *discovery, size_t slot)
{
    for (size_t i = 0; i < discovery->count; i++) {
        if (discovery->host[i].slot == slot) {
            return &discovery->host[i];
        }
    }
    return NULL;
}

static bool is_found(const struct kms_zone_publication *publication)
{
    return publication->publication == KMS_PUBLICATION_PUBLISHED ||
           publication->publication == KMS_PUBLICATION_NOT_EXPECTED ||
           publication->publication == KMS_PUBLICATION_WRONG_PORT ||
           publication->publication == KMS_PUBLICATION_UNRESOLVABLE;
}

static bool is_answered(const struct kms_zone *zone)
{
    return zone->last_success_s != 0 && zone->last_success_s == zone->last_lookup_s;
}

void kms_discover_saw(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                      const struct kms_zone *zone)
{
    kms_discover_follow_clock(config, discovery);
    for (size_t i = 0; is_answered(zone) && i < zone->publication_count; i++) {
        const struct kms_zone_publication *publication = &zone->publication[i];
        bool is_ours = target_in(config->board, publication->host_slot)->origin ==
                       KMS_ORIGIN_DISCOVERED;
        struct kms_discovered *host = is_ours && is_found(publication)
                                          ? find(discovery, publication->host_slot)
                                          : NULL;
        if (host) {
            host->last_seen_s = zone->last_success_s;
            host->last_kept = false;
        }
    }
}

static void forget(struct kms_discovery *discovery, size_t at)
{
    if (discovery->waits && discovery->waiting_slot == discovery->host[at].slot) {
        discovery->waits = false;
    }
    discovery->host[at] = discovery->host[--discovery->count];
    discovery->full = false;
}

static bool retire(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                   const char *domain, size_t at, const char *why)
{
    size_t slot = discovery->host[at].slot;
    char name[HOST_NAME_SIZE];
    kms_text_copy(name, sizeof name, target_in(config->board, slot)->name);
    kms_scheduler_drop(config->scheduler, slot);
    if (kms_board_retire(config->board, slot) != KMS_OK) {
        say_no_memory(config, domain, name);
        discovery->waits = true; /* its probes are planned again */
        discovery->waiting_slot = slot;
        return false;
    }
    kms_log_write(config->log, KMS_LOG_INFO, "discover %s: host %s is watched no longer: %s",
                  domain, name, why);
    forget(discovery, at);
    return true;
}

size_t kms_discover_retire(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                           const struct kms_zone *zone)
{
    size_t before = discovery->count;
    kms_discover_follow_clock(config, discovery);
    for (size_t i = discovery->count; is_answered(zone) && i > 0; i--) {
        const struct kms_discovered *host = &discovery->host[i - 1];
        int64_t unseen_s = zone->last_success_s - host->last_seen_s;
        if (unseen_s * 1000 >= config->forget_after_ms &&
            kms_texts_has(&target_in(config->board, host->slot)->publish_in, zone->name)) {
            char why[64];
            kms_text_format(why, sizeof why, "for %lld s no record has named it",
                            (long long)unseen_s);
            (void)retire(config, discovery, zone->name, i - 1, why);
        }
    }
    return before - discovery->count;
}

/* ---- other wishes ---- */

void kms_discover_forget(struct kms_discovery *discovery, size_t slot)
{
    const struct kms_discovered *host = find(discovery, slot);
    if (host) {
        forget(discovery, (size_t)(host - discovery->host));
    }
}

static bool is_configured(const struct kms_board *board, const struct kms_watched *watched,
                          const char *text)
{
    size_t slot, at = 0;
    bool is_name;
    while (kms_watched_next(watched, board, text, &at, &slot, &is_name)) {
        if (target_in(board, slot)->origin == KMS_ORIGIN_CONFIGURED) {
            return true;
        }
    }
    return false;
}

/* NULL: it stays. */
static const char *why_not(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                           const struct kms_target *target)
{
    if (!config->discover || !kms_texts_has(config->discover, target->publish_in.text[0])) {
        return "its domain is not discovered any more";
    }
    bool is_known = kms_watched_sync(&discovery->watched, config->board) == KMS_OK &&
                    is_configured(config->board, &discovery->watched, kms_target_address(target));
    return is_known ? "the site names it itself" : NULL;
}

size_t kms_discover_review(const struct kms_lookups_config *config, struct kms_discovery *discovery)
{
    size_t before = discovery->count;
    for (size_t i = discovery->count; i > 0; i--) {
        const struct kms_target *target = target_in(config->board, discovery->host[i - 1].slot);
        const char *why = why_not(config, discovery, target);
        char domain[KMS_ZONE_NAME_SIZE];
        kms_text_copy(domain, sizeof domain, target->publish_in.text[0]);
        if (why) {
            (void)retire(config, discovery, domain, i - 1, why);
        }
    }
    return before - discovery->count;
}

void kms_discover_done(struct kms_discovery *discovery)
{
    free(discovery->host);
    kms_watched_done(&discovery->watched);
    *discovery = (struct kms_discovery){0};
}

/* ---- from one process to the next ---- */

void kms_discover_recall(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                         const struct kms_seen_row *row)
{
    char name[HOST_NAME_SIZE];
    struct kms_zone_record record = {.port = row->port};
    if (!config->discover || !kms_texts_has(config->discover, row->domain) ||
        discovery->count >= config->discovered_max || row->port == 0 ||
        !kms_text_copy(record.target, sizeof record.target, row->address) ||
        !kms_text_copy(name, sizeof name, row->name) ||
        kms_watched_sync(&discovery->watched, config->board) != KMS_OK ||
        is_called_already(config->board, &discovery->watched, &record, name)) {
        return;
    }
    kms_discover_follow_clock(config, discovery);
    struct kms_discovered *added = add(config, discovery, row->domain, &record, name);
    if (!added) {
        return;
    }
    int64_t now_s = kms_clock_wall_s(&config->env->clock);
    added->first_seen_s = row->first_s < now_s ? row->first_s : now_s;
    added->last_seen_s = row->last_s < now_s ? row->last_s : now_s;
    added->first_kept = kms_zones_is_kept(config->zones, added->first_seen_s);
    added->last_kept = kms_zones_is_kept(config->zones, added->last_seen_s);
    kms_log_write(config->log, KMS_LOG_INFO, "discover %s: host %s is known from before",
                  row->domain, name);
    plan(config, discovery, row->domain, added->slot);
}

void kms_discover_row(const struct kms_lookups_config *config,
                      const struct kms_discovered *discovered, struct kms_seen_row *ret)
{
    const struct kms_target *target = target_in(config->board, discovered->slot);
    *ret = (struct kms_seen_row){.kind = KMS_SEEN_HOST,
                                 .port = (uint16_t)target->port,
                                 .first_s = discovered->first_seen_s,
                                 .last_s = discovered->last_seen_s};
    kms_text_copy(ret->domain, sizeof ret->domain, target->publish_in.text[0]);
    kms_text_copy(ret->name, sizeof ret->name, target->name);
    kms_text_copy(ret->address, sizeof ret->address, kms_target_address(target));
}
