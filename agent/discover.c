/* From a record to a host: who is new, what it is called, and no more of them than the machine
 * bears. */
#include "agent/discover.h"

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

static bool is_called(const struct kms_target *target, const char *name)
{
    return kms_text_equal_nocase(target->name, name) ||
           kms_text_equal_nocase(kms_target_address(target), name);
}

static bool is_watched(const struct kms_board *board, const struct kms_zone_record_view *view,
                       const char *name)
{
    const struct kms_zone_record *record = &view->record;
    if (view->host_known && covers(target_in(board, view->host_slot), record)) {
        return true;
    }
    for (size_t slot = 0; slot < kms_board_count(board); slot++) {
        const struct kms_target *target = target_in(board, slot);
        if (kms_text_equal_nocase(target->name, name) ||
            (is_called(target, record->target) && covers(target, record))) {
            return true;
        }
    }
    return false;
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

static void say_no_memory(const struct kms_lookups_config *config, const struct kms_zone *zone,
                          const char *name)
{
    kms_log_write(config->log, KMS_LOG_ERROR, "discover %s: out of memory for host %s", zone->name,
                  name);
}

/* No host leaves the board again, so one that is there must come to be probed. */
static void plan(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                 const struct kms_zone *zone, size_t slot)
{
    discovery->waits = kms_scheduler_add(config->scheduler, slot) != KMS_OK;
    discovery->waiting_slot = slot;
    if (discovery->waits) {
        say_no_memory(config, zone, target_in(config->board, slot)->name);
    }
}

static bool add(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                const struct kms_zone *zone, const struct kms_zone_record *record, char *name)
{
    char domain[KMS_ZONE_NAME_SIZE], address[KMS_ZONE_NAME_SIZE];
    kms_text_copy(domain, sizeof domain, zone->name);
    kms_text_copy(address, sizeof address, record->target);
    const struct kms_texts domains = {.text = (char *[]){domain}, .count = 1};
    struct kms_target target;
    describe(config, record, name, kms_text_equal(name, address) ? NULL : address, &domains,
             &target);
    uint32_t number = config->number_of_host(config->arg, name);
    size_t slot;
    if (number == 0 || kms_board_add(config->board, &target, number, &slot) != KMS_OK) {
        say_no_memory(config, zone, name);
        return false;
    }
    kms_log_write(config->log, KMS_LOG_INFO,
                  "discover %s: new host %s, from its record %s:%u with priority %u and weight %u",
                  zone->name, name, record->target, (unsigned)record->port,
                  (unsigned)record->priority, (unsigned)record->weight);
    plan(config, discovery, zone, slot);
    return true;
}

static void say_full(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                     const struct kms_zone *zone)
{
    if (!discovery->full) {
        kms_log_write(config->log, KMS_LOG_WARNING,
                      "discover %s: %d hosts were discovered, more are not watched; look at the "
                      "records, and name the hosts that matter in the configuration",
                      zone->name, KMS_DISCOVERED_MAX);
    }
    discovery->full = true;
}

size_t kms_discover(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                    const struct kms_zone *zone)
{
    size_t before = discovery->count;
    if (discovery->waits) {
        plan(config, discovery, zone, discovery->waiting_slot);
    }
    for (size_t i = 0; !discovery->waits && i < zone->record_count; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        const struct kms_zone_record *record = &view->record;
        char name[HOST_NAME_SIZE];
        kms_text_copy(name, sizeof name, record->target);
        if (record->port != KMS_DEFAULT_PORT) {
            kms_text_append(name, sizeof name, ":%u", (unsigned)record->port);
        }
        if (!view->present || record->flaw || is_watched(config->board, view, name)) {
            continue;
        }
        if (discovery->count >= KMS_DISCOVERED_MAX) {
            say_full(config, discovery, zone);
            break;
        }
        discovery->count += add(config, discovery, zone, record, name) ? 1 : 0;
    }
    return discovery->count - before;
}
