/* The command lookup: the last lookup of a domain, record by record, as lines that check_kms_dns
 * judges itself. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_json.h"
#include "agent/mib.h"
#include "agent/site.h"
#include "base/text.h"
#include "model/script.h"
#include "model/zone.h"

#define PIECE_MAX ((size_t)16 << 10)

/* A record at each step. */
struct course {
    size_t zone, record;
    char name[KMS_ZONE_NAME_SIZE];
};

static const struct kms_zone *find_zone(const struct kms_control_call *call, const char *name,
                                        size_t *ret_at)
{
    const struct kms_zones *zones = kms_control_parts(call)->zones;
    size_t count = zones ? kms_zones_count(zones) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct kms_zone *zone = kms_zones_get(zones, i);
        if (zone->index != 0 && kms_text_equal_nocase(zone->name, name)) {
            *ret_at = i;
            return zone;
        }
    }
    return NULL;
}

/* "record "TARGET" PORT PRIORITY WEIGHT TTL RESOLUTION STATE "FLAW"", and its addresses. */
static enum kms_status write_record(const struct kms_zone_record_view *view,
                                    const struct kms_zone_draw *draw, struct kms_buf *text)
{
    static const char *const resolutions[] = {"unknown", "yes", "no"};
    const struct kms_zone_record *record = &view->record;
    enum kms_status status = kms_buf_add_str(text, "record ");
    if (status == KMS_OK) {
        status = kms_script_write_text(text, record->target);
    }
    if (status == KMS_OK) {
        status = kms_buf_addf(text, " %u %u %u %u %s %s ", record->port, draw->priority,
                              draw->weight, record->ttl, resolutions[record->resolution],
                              kms_word_label(kms_words_srv_state(), (int)view->state));
    }
    if (status == KMS_OK) {
        status = kms_script_write_text(text, record->flaw ? record->flaw : "");
    }
    for (size_t i = 0; status == KMS_OK && i < record->address_count; i++) {
        status = kms_buf_addf(text, "\naddress %s", record->address[i]);
    }
    return status == KMS_OK ? kms_buf_add(text, "\n", 1) : status;
}

/* Several sound records for one target and port are one view; a flawed one has no draw. */
static enum kms_status write_view(const struct kms_zone_record_view *view, struct kms_buf *text)
{
    const struct kms_zone_draw own = {view->record.priority, view->record.weight};
    enum kms_status status = KMS_OK;
    if (!view->present) {
        return KMS_OK;
    }
    for (size_t i = 0; status == KMS_OK && i < view->draw_count; i++) {
        status = write_record(view, &view->draw[i], text);
    }
    return view->draw_count == 0 ? write_record(view, &own, text) : status;
}

static void put_text(struct kms_control_call *call, const struct kms_buf *text)
{
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "text", kms_buf_str(text), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

/* The domain may have been dropped since. */
static void step(struct kms_control_call *call)
{
    struct course *course = kms_control_kept(call);
    const struct kms_zones *zones = kms_control_parts(call)->zones;
    const struct kms_zone *zone = kms_zones_get(zones, course->zone);
    struct kms_buf text;
    if (!kms_text_equal(zone->name, course->name) || course->record >= zone->record_count) {
        kms_control_end(call);
        return;
    }
    kms_buf_init(&text, PIECE_MAX);
    enum kms_status status = write_view(&zone->record[course->record++], &text);
    if (status != KMS_OK) {
        kms_control_fail(call, "", "%s", kms_status_text(status));
    } else if (text.len > 0) {
        put_text(call, &text);
    }
    kms_buf_done(&text);
}

static void put_zone(struct kms_control_call *call, const struct kms_zone *zone)
{
    struct kms_buf text;
    kms_buf_init(&text, PIECE_MAX);
    enum kms_status status = kms_buf_addf(&text, "lookup %s %lld ",
                                          kms_outcome_row(zone->outcome)->token,
                                          (long long)zone->last_lookup_s);
    if (status == KMS_OK) {
        status = kms_script_write_text(&text, zone->detail);
    }
    if (status == KMS_OK && kms_buf_add(&text, "\n", 1) == KMS_OK) {
        put_text(call, &text);
    } else {
        kms_control_fail(call, "", "out of memory");
    }
    kms_buf_done(&text);
}

static json_t *head_of(const struct kms_control_parts *parts)
{
    bool ok = true;
    /* As the times of the lookups are named, also before they follow a wall clock that was set. */
    const struct kms_now now = {
        .steady_s = kms_clock_now(parts->clock).steady_s,
        .wall_s = kms_zones_now_s(parts->zones, kms_clock_mono_us(parts->clock))};
    int64_t own_ms = parts->site->dns.interval_ms;
    json_t *head = json_object();
    kms_json_number(head, "now", now.wall_s, &ok);
    kms_json_number(head, "steady", now.steady_s, &ok);
    kms_json_number(head, "interval", own_ms > 0 ? own_ms / 1000 : parts->facts->interval_s, &ok);
    kms_json_flag(head, "simulated", parts->facts->simulated, &ok);
    return kms_json_whole(head, ok);
}

static void start_lookup(struct kms_control_call *call)
{
    struct course *course = calloc(1, sizeof *course);
    if (!course) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, course);
    const char *name = kms_control_request_text(call, "domain");
    const struct kms_zone *zone = find_zone(call, name ? name : "", &course->zone);
    if (!zone) {
        char clean[KMS_ZONE_NAME_SIZE];
        kms_text_clean(clean, sizeof clean, name ? name : "", name ? strlen(name) : 0);
        kms_control_fail(call,
                         "add a block domain to the block dns in the configuration of kmsmond, or "
                         "discover the domain there",
                         "kmsmond does not watch a domain '%s'", clean);
        return;
    }
    (void)kms_text_copy(course->name, sizeof course->name, zone->name);
    kms_control_ok(call, head_of(kms_control_parts(call)));
    put_zone(call, zone);
    kms_control_step(call, step);
}

static void end_lookup(struct kms_control_call *call)
{
    free(kms_control_kept(call));
}

const struct kms_control_command kms_control_lookup = {
    .name = "lookup", .start = start_lookup, .done = end_lookup};
