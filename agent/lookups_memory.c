/* Zones and discovered hosts become rows of the state file, and are made from them. */
#include "agent/lookups_memory.h"

#include <stdlib.h>

#include "base/text.h"

/* ---- reading ---- */

static bool find_zone(const struct kms_zones *zones, const char *domain, size_t *ret)
{
    for (size_t i = 0; i < kms_zones_count(zones); i++) {
        if (kms_text_equal_nocase(kms_zones_get(zones, i)->name, domain)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* The clock may have been wrong then: what lies ahead would be kept for good. */
static int64_t not_ahead(int64_t time_s, int64_t now_s)
{
    return time_s < now_s ? time_s : now_s;
}

static void past_of(const struct kms_seen_row *row, int64_t now_s, struct kms_zone_past *ret)
{
    *ret = (struct kms_zone_past){.record = {.port = row->port,
                                             .priority = row->priority,
                                             .weight = row->weight,
                                             .ttl = row->ttl},
                                  .first_seen_s = not_ahead(row->first_s, now_s),
                                  .last_seen_s = not_ahead(row->last_s, now_s)};
    /* A name that DNS cannot have is cut, and met by no record again. */
    kms_text_copy(ret->record.target, sizeof ret->record.target, row->name);
}

static bool is_record_of(const struct kms_seen_row *row, const char *domain)
{
    return row->kind == KMS_SEEN_RECORD && kms_text_equal(row->domain, domain);
}

/* The records of one domain, which stand together. */
static enum kms_status recall_records(struct kms_zones *zones, int64_t now_s,
                                      const struct kms_seen_row *row, size_t count)
{
    size_t zone;
    if (!find_zone(zones, row->domain, &zone)) {
        return KMS_OK;
    }
    struct kms_zone_past *past = calloc(count, sizeof *past);
    if (!past) {
        return KMS_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        past_of(&row[i], now_s, &past[i]);
    }
    enum kms_status status = kms_zones_recall(zones, zone, past, count);
    free(past);
    return status;
}

static enum kms_status recall_all_records(struct kms_zones *zones, int64_t now_s,
                                          const struct kms_seen *seen)
{
    enum kms_status status = KMS_OK;
    size_t count;
    for (size_t i = 0; status == KMS_OK && i < seen->count; i += count) {
        const struct kms_seen_row *row = &seen->row[i];
        count = 1;
        while (row->kind == KMS_SEEN_RECORD && i + count < seen->count &&
               is_record_of(&row[count], row->domain)) {
            count++;
        }
        status = row->kind == KMS_SEEN_RECORD ? recall_records(zones, now_s, row, count) : KMS_OK;
    }
    return status;
}

enum kms_status kms_lookups_recall(const struct kms_lookups_config *config,
                                   struct kms_discovery *discovery, const struct kms_seen *seen)
{
    int64_t now_s = kms_clock_wall_s(&config->env->clock);
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->row[i].kind == KMS_SEEN_HOST) {
            kms_discover_recall(config, discovery, &seen->row[i]);
        }
    }
    enum kms_status status = recall_all_records(config->zones, now_s, seen);
    if (status == KMS_OK) {
        status = kms_zones_refresh(config->zones); /* hosts were added */
    }
    for (size_t i = 0; status == KMS_OK && i < seen->count; i++) {
        const struct kms_seen_row *row = &seen->row[i];
        size_t zone;
        if (row->kind == KMS_SEEN_MISSING && find_zone(config->zones, row->domain, &zone)) {
            kms_zones_recall_missing(config->zones, zone, row->name,
                                     not_ahead(row->first_s, now_s));
        }
    }
    return status;
}

/* ---- writing ---- */

struct memory {
    const struct kms_lookups_config *config;
    struct kms_buf *text;
    size_t rows;
};

static enum kms_status add_row(struct memory *memory, const struct kms_seen_row *row)
{
    if (memory->rows >= KMS_SEEN_ROWS_MAX || row->name[0] == '\0') {
        return KMS_OK;
    }
    memory->rows++;
    return kms_seen_add(memory->text, row);
}

static enum kms_status add_record(struct memory *memory, const struct kms_zone *zone,
                                  const struct kms_zone_record_view *view)
{
    struct kms_seen_row row = {.kind = KMS_SEEN_RECORD,
                               .port = view->record.port,
                               .priority = view->record.priority,
                               .weight = view->record.weight,
                               .ttl = view->record.ttl,
                               .first_s = view->first_seen_s,
                               .last_s = view->last_seen_s};
    kms_text_copy(row.domain, sizeof row.domain, zone->name);
    kms_text_copy(row.name, sizeof row.name, view->record.target);
    return add_row(memory, &row);
}

static enum kms_status add_missing(struct memory *memory, const struct kms_zone *zone,
                                   const struct kms_zone_publication *of)
{
    const struct kms_snapshot *host = kms_board_snapshot(memory->config->board, of->host_slot);
    struct kms_seen_row row = {
        .kind = KMS_SEEN_MISSING, .first_s = of->missing_since_s, .last_s = of->missing_since_s};
    kms_text_copy(row.domain, sizeof row.domain, zone->name);
    /* A name that does not fit is not known again. */
    bool fits = kms_text_copy(row.name, sizeof row.name, host->target->name);
    return fits ? add_row(memory, &row) : KMS_OK;
}

static enum kms_status add_zone(struct memory *memory, const struct kms_zone *zone)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < zone->record_count; i++) {
        status = add_record(memory, zone, &zone->record[i]);
    }
    for (size_t i = 0; status == KMS_OK && i < zone->publication_count; i++) {
        const struct kms_zone_publication *of = &zone->publication[i];
        if (of->missing_known && of->missing_since_s > 0) {
            status = add_missing(memory, zone, of);
        }
    }
    return status;
}

/* Hosts first: there are few, and they must not fall victim to forged records. */
enum kms_status kms_lookups_remember(const struct kms_lookups_config *config,
                                     const struct kms_discovery *discovery,
                                     struct kms_buf *ret_text)
{
    struct memory memory = {.config = config, .text = ret_text};
    enum kms_status status = kms_seen_begin(ret_text);
    for (size_t i = 0; status == KMS_OK && i < discovery->count; i++) {
        struct kms_seen_row row;
        kms_discover_row(config, &discovery->host[i], &row);
        status = add_row(&memory, &row);
    }
    for (size_t i = 0; status == KMS_OK && i < kms_zones_count(config->zones); i++) {
        status = add_zone(&memory, kms_zones_get(config->zones, i));
    }
    if (status != KMS_OK) {
        kms_buf_done(ret_text);
    }
    return status;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

uint64_t kms_lookups_print(const struct kms_zone *zone)
{
    uint64_t print = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < zone->record_count; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        print = mix(print, view->index * UINT64_C(2) + (view->present ? 1 : 0));
        print = mix(print, (uint64_t)view->first_seen_s);
        print = mix(print, (uint64_t)(view->present ? 0 : view->last_seen_s));
    }
    for (size_t i = 0; i < zone->publication_count; i++) {
        print = mix(print, zone->publication[i].host_index);
        print = mix(print, (uint64_t)zone->publication[i].missing_since_s);
    }
    return print;
}
