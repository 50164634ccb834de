/* From the records of domains to results of the board's hosts, in slices where there are many. */
#include "agent/lookups_hosts.h"

#include <stdlib.h>

#include "agent/news.h"
#include "base/text.h"

#define REFRESH_MS 200 /* news of hosts are collected that long */
/* With many hosts and records judging takes time: at most one part in so many of the loop's. */
#define REFRESH_PART 10
#define SLICE_US     2000

/* All domains and hosts are looked at in slices, so that SNMP is answered in between. */
enum step { STEP_NONE, STEP_PLANNED, STEP_ZONES, STEP_HOSTS };

/* A host's place in all domains, as one number: what its result was made from, and what is so now.
 */
struct place {
    uint64_t told, found; /* 0: in no domain */
    bool due;             /* its domain was looked up */
};

struct kms_lookups_hosts {
    const struct kms_lookups_config *config;
    struct kms_strangers *strangers; /* NULL: not probed */
    struct place *place;             /* by slot */
    size_t place_count;
    struct kms_timer *refresh;
    enum step step;
    bool poked;         /* while it was under way */
    bool changing;      /* it follows from other wishes */
    size_t refreshed;   /* zones, then slots, of this refresh */
    bool any_published; /* in this refresh */
    int64_t spent_us;   /* on this refresh */
    int64_t refresh_ms; /* how long they are collected at present */
};

static int64_t now_us(const struct kms_lookups_hosts *h)
{
    return kms_clock_mono_us(&h->config->env->clock);
}

bool kms_lookups_hosts_grow(struct kms_lookups_hosts *h)
{
    size_t count = kms_board_count(h->config->board);
    if (count <= h->place_count) {
        return true;
    }
    struct place *place = realloc(h->place, count * sizeof *place);
    if (!place) {
        return false;
    }
    for (size_t i = h->place_count; i < count; i++) {
        place[i] = (struct place){0};
    }
    h->place = place;
    h->place_count = count;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

void kms_lookups_hosts_mark_due(struct kms_lookups_hosts *h, size_t zone)
{
    const struct kms_zone *of = kms_zones_get(h->config->zones, zone);
    for (size_t i = 0; i < of->publication_count; i++) {
        if (of->publication[i].host_slot < h->place_count) {
            h->place[of->publication[i].host_slot].due = true;
        }
    }
}

static void find_places(struct kms_lookups_hosts *h)
{
    for (size_t slot = 0; slot < h->place_count; slot++) {
        h->place[slot].found = 0;
    }
    for (size_t z = 0; z < kms_zones_count(h->config->zones); z++) {
        const struct kms_zone *zone = kms_zones_get(h->config->zones, z);
        for (size_t i = 0; i < zone->publication_count; i++) {
            const struct kms_zone_publication *publication = &zone->publication[i];
            if (publication->host_slot < h->place_count) {
                uint64_t *found = &h->place[publication->host_slot].found;
                *found = mix(*found, z + 1);
                *found = mix(*found, (uint64_t)publication->publication);
                *found = mix(*found, (uint64_t)publication->state);
            }
        }
    }
}

static void publish_result(struct kms_lookups_hosts *h, size_t slot,
                           const struct kms_result *result)
{
    struct kms_change change = {0};
    enum kms_status status = kms_board_publish(h->config->board, slot, result, &change);
    const struct kms_snapshot *snapshot = kms_board_snapshot(h->config->board, slot);
    if (status != KMS_OK) {
        kms_lookups_complain(h->config, snapshot->target->name, status);
        return;
    }
    kms_news_state(h->config->log, snapshot, &change);
}

/* A host that is in no domain any more has nothing to be judged by. */
static void publish_absence(struct kms_lookups_hosts *h, size_t slot)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_DNS);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = kms_clock_wall_s(&h->config->env->clock);
    kms_text_copy(result.detail, sizeof result.detail, "named in none of the watched domains");
    publish_result(h, slot, &result);
    kms_result_done(&result);
}

static void publish_host(struct kms_lookups_hosts *h, size_t slot)
{
    struct place *place = &h->place[slot];
    struct kms_result result;
    if (place->found == 0) {
        if (place->told != 0) {
            publish_absence(h, slot);
        }
    } else if (kms_zones_host_result(h->config->zones, slot, &result)) {
        if (result.outcome != KMS_OUTCOME_NONE) { /* else its domain was never looked up */
            publish_result(h, slot, &result);
        }
        kms_result_done(&result);
    }
    place->told = place->found;
    place->due = false;
}

void kms_lookups_hosts_poke_strangers(struct kms_lookups_hosts *h)
{
    if (h->strangers) {
        kms_strangers_poke(h->strangers);
    }
}

void kms_lookups_hosts_publish(struct kms_lookups_hosts *h)
{
    if (!kms_lookups_hosts_grow(h)) {
        kms_lookups_complain(h->config, "hosts", KMS_ENOMEM);
        return;
    }
    find_places(h);
    bool any = false;
    for (size_t slot = 0; slot < h->place_count; slot++) {
        const struct place *place = &h->place[slot];
        if (place->due || place->told != place->found) {
            publish_host(h, slot);
            any = true;
        }
    }
    if (any && h->config->published) {
        h->config->published(h->config->arg);
    }
}

void kms_lookups_hosts_refresh(struct kms_lookups_hosts *h)
{
    enum kms_status status = kms_zones_refresh(h->config->zones);
    if (status != KMS_OK) {
        kms_lookups_complain(h->config, "records", status);
    }
    kms_lookups_hosts_poke_strangers(h);
}

static bool refresh_zones(struct kms_lookups_hosts *h, int64_t until_us)
{
    while (h->refreshed < kms_zones_count(h->config->zones)) {
        enum kms_status status = kms_zones_refresh_one(h->config->zones, h->refreshed++);
        if (status != KMS_OK) {
            kms_lookups_complain(h->config, "records", status);
        }
        if (now_us(h) >= until_us) {
            return false;
        }
    }
    return true;
}

static bool refresh_hosts(struct kms_lookups_hosts *h, int64_t until_us)
{
    while (h->refreshed < h->place_count) {
        size_t slot = h->refreshed++;
        const struct place *place = &h->place[slot];
        if (!place->due && place->told == place->found) {
            continue;
        }
        publish_host(h, slot);
        h->any_published = true;
        if (now_us(h) >= until_us) {
            return false;
        }
    }
    return true;
}

static void begin_hosts(struct kms_lookups_hosts *h)
{
    h->refreshed = 0;
    h->step = STEP_HOSTS;
    kms_lookups_hosts_poke_strangers(h);
    if (kms_lookups_hosts_grow(h)) {
        find_places(h);
    } else {
        kms_lookups_complain(h->config, "hosts", KMS_ENOMEM);
    }
}

static void end_refresh(struct kms_lookups_hosts *h)
{
    int64_t pause_ms = h->spent_us * REFRESH_PART / 1000;
    bool any = h->any_published;
    h->step = STEP_NONE;
    h->changing = false;
    h->refresh_ms = pause_ms > REFRESH_MS ? pause_ms : REFRESH_MS;
    if (any && h->config->published) {
        h->config->published(h->config->arg);
    }
    if (h->poked) {
        h->poked = false;
        kms_lookups_hosts_poke(h);
    }
}

static void refresh_due(void *arg)
{
    struct kms_lookups_hosts *h = arg;
    int64_t start_us = now_us(h);
    if (h->step == STEP_PLANNED) {
        h->step = STEP_ZONES;
        h->refreshed = 0;
        h->spent_us = 0;
        h->any_published = false;
    }
    if (h->step == STEP_ZONES && refresh_zones(h, start_us + SLICE_US)) {
        begin_hosts(h);
    }
    bool is_over = h->step == STEP_HOSTS && refresh_hosts(h, start_us + SLICE_US);
    h->spent_us += now_us(h) - start_us;
    if (is_over) {
        end_refresh(h);
    } else {
        kms_timer_set(h->refresh, 0);
    }
}

void kms_lookups_hosts_poke(struct kms_lookups_hosts *h)
{
    if (h->step == STEP_NONE) {
        h->step = STEP_PLANNED;
        kms_timer_set(h->refresh, h->refresh_ms);
    } else {
        h->poked = h->step != STEP_PLANNED;
    }
}

void kms_lookups_hosts_review(struct kms_lookups_hosts *h)
{
    h->step = STEP_PLANNED;
    h->poked = false;
    h->changing = true;
    kms_timer_set(h->refresh, 0);
}

bool kms_lookups_hosts_is_settled(const struct kms_lookups_hosts *h)
{
    return !h->changing;
}

void kms_lookups_hosts_forget(struct kms_lookups_hosts *h, size_t slot)
{
    if (slot < h->place_count) {
        h->place[slot] = (struct place){0};
    }
}

void kms_lookups_hosts_forget_retired(struct kms_lookups_hosts *h)
{
    for (size_t slot = 0; slot < h->place_count; slot++) {
        if (kms_board_snapshot(h->config->board, slot)->retired) {
            h->place[slot] = (struct place){0};
        }
    }
}

void kms_lookups_hosts_set_strangers(struct kms_lookups_hosts *h, struct kms_strangers *strangers)
{
    h->strangers = strangers;
}

struct kms_lookups_hosts *kms_lookups_hosts_new(const struct kms_lookups_config *config)
{
    struct kms_lookups_hosts *h = calloc(1, sizeof *h);
    if (!h) {
        return NULL;
    }
    h->config = config;
    h->refresh_ms = REFRESH_MS;
    h->refresh = kms_timer_new(config->env->loop, refresh_due, h);
    if (!h->refresh) {
        free(h);
        return NULL;
    }
    return h;
}

void kms_lookups_hosts_free(struct kms_lookups_hosts *h)
{
    if (h) {
        kms_timer_free(h->refresh);
        free(h->place);
        free(h);
    }
}
