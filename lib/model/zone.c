/* The watched domains: takes lookups in, judges them against the board, tells what changed. */
#include "model/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/zone_parts.h"
#include "model/zone_records.h"

struct entry {
    struct kms_zone shown;
    struct kms_zone_wanted wanted;
    struct kms_zone_numbers numbers;
    bool told_short; /* of numbers */
    struct kms_zone_servers told_servers;
    bool told_few;
    uint32_t told_unmet;
};

struct kms_zones {
    const struct kms_clock *clock;
    kms_zone_index_fn *number;
    void *number_arg;
    kms_zone_news_fn *news;
    void *news_arg;
    kms_zones_published_fn *published;
    void *published_arg;
    struct kms_zone_law law;
    int64_t forget_after_s; /* 0: never */
    struct entry **entry;   /* each of its own: a zone keeps its place in memory */
    size_t count, cap;
    size_t *by_name; /* places of the domains in the order of their names; as many as cap */
    size_t named;
    uint64_t shape;
    int64_t apart_us;   /* of the clocks, by which the times of lookups are named */
    int64_t started_us; /* by the steady clock */
};

struct kms_zones *kms_zones_new(const struct kms_board *board, const struct kms_clock *clock,
                                bool site_lists, kms_zone_index_fn *number, void *number_arg,
                                kms_zone_news_fn *news, void *news_arg)
{
    struct kms_zones *zones = calloc(1, sizeof *zones);
    if (!zones) {
        return NULL;
    }
    zones->law.hosts.board = board;
    zones->clock = clock;
    zones->apart_us = kms_clock_apart_us(clock);
    zones->started_us = kms_clock_mono_us(clock);
    zones->law.site_lists = site_lists;
    zones->number = number;
    zones->number_arg = number_arg;
    zones->news = news;
    zones->news_arg = news_arg;
    return zones;
}

static void forget_entry(struct entry *entry)
{
    free(entry->shown.record);
    free(entry->shown.publication);
    free(entry->wanted.slot);
    free(entry->wanted.expect);
    *entry = (struct entry){0};
}

static void free_entry(struct entry *entry)
{
    forget_entry(entry);
    free(entry);
}

/* Its place is there, and no domain. */
static bool is_dropped(const struct entry *entry)
{
    return entry->shown.index == 0;
}

void kms_zones_free(struct kms_zones *zones)
{
    if (!zones) {
        return;
    }
    for (size_t i = 0; i < zones->count; i++) {
        free_entry(zones->entry[i]);
    }
    free(zones->entry);
    free(zones->by_name);
    kms_zone_hosts_done(&zones->law.hosts);
    free(zones);
}

void kms_zones_set_strangers(struct kms_zones *zones, kms_zone_stranger_fn *stranger, void *arg)
{
    zones->law.stranger = stranger;
    zones->law.stranger_arg = arg;
}

bool kms_zones_know_strangers(const struct kms_zones *zones)
{
    return zones->law.stranger != NULL;
}

void kms_zones_forget_after(struct kms_zones *zones, int64_t seconds)
{
    zones->forget_after_s = seconds;
}

void kms_zones_set_site_lists(struct kms_zones *zones, bool site_lists)
{
    zones->law.site_lists = site_lists;
}

size_t kms_zones_count(const struct kms_zones *zones)
{
    return zones->count;
}

const struct kms_zone *kms_zones_get(const struct kms_zones *zones, size_t zone)
{
    return &zones->entry[zone]->shown;
}

uint64_t kms_zones_shape(const struct kms_zones *zones)
{
    return zones->shape;
}

/* ---- judging, and what it changed ---- */

static bool want(struct kms_zone_wanted *wanted, size_t slot)
{
    if (wanted->count == wanted->cap) {
        size_t cap = wanted->cap ? wanted->cap * 2 : 8;
        size_t *grown = realloc(wanted->slot, cap * sizeof *grown);
        if (!grown) {
            return false;
        }
        wanted->slot = grown;
        wanted->cap = cap;
    }
    wanted->slot[wanted->count++] = slot;
    return true;
}

static enum kms_status find_wanted(const struct kms_zone_hosts *hosts, struct entry *entry)
{
    struct kms_zone_wanted *wanted = &entry->wanted;
    if (wanted->version == hosts->version) {
        return KMS_OK;
    }
    size_t count, first = kms_zone_hosts_in(hosts, entry->shown.name, &count);
    wanted->version = 0;
    wanted->count = 0;
    for (size_t i = first; i < first + count; i++) {
        size_t slot = hosts->domain[i].slot;
        bool again = wanted->count > 0 && wanted->slot[wanted->count - 1] == slot;
        if (!again && !want(wanted, slot)) {
            return KMS_ENOMEM;
        }
    }
    wanted->version = hosts->version;
    return KMS_OK;
}

static bool same_hosts(const struct kms_zone *a, const struct kms_zone *b)
{
    bool is_same = a->publication_count == b->publication_count;
    for (size_t i = 0; is_same && i < a->publication_count; i++) {
        is_same = a->publication[i].host_index == b->publication[i].host_index;
    }
    return is_same;
}

/* A record whose state is not known for once is no news, nor is that it is known again. */
static bool is_record_news(const struct kms_zone_record_view *view, bool unjudged)
{
    bool is_new = view->told == 0;
    return view->state != view->told && (is_new || view->state != KMS_SRV_UNKNOWN) &&
           (view->state == KMS_SRV_UNKNOWN) == unjudged;
}

static void tell_record(const struct kms_zones *zones, const struct kms_zone *zone,
                        struct kms_zone_record_view *view)
{
    bool is_new = view->told == 0;
    const struct kms_zone_news news = {.what = KMS_ZONE_NEWS_RECORD,
                                       .zone = zone,
                                       .record = view,
                                       .record_is_new = is_new,
                                       .was_record = is_new ? KMS_SRV_UNKNOWN : view->told};
    zones->news(zones->news_arg, &news);
}

/* Forged records that are others at every lookup must not fill the log. */
static void tell_records(const struct kms_zones *zones, const struct kms_zone *zone, bool unjudged)
{
    size_t found = 0, count = zone->record_count;
    for (size_t i = 0; i < count * 2; i++) {
        bool of_hosts = i < count; /* they come first */
        struct kms_zone_record_view *view = &zone->record[of_hosts ? i : i - count];
        if (view->host_known != of_hosts || !is_record_news(view, unjudged)) {
            continue;
        }
        if (found++ < KMS_ZONE_NEWS_MAX) {
            tell_record(zones, zone, view);
        }
        view->told = view->state;
    }
    if (found > KMS_ZONE_NEWS_MAX) {
        const struct kms_zone_news news = {.what = KMS_ZONE_NEWS_RECORDS_MORE,
                                           .zone = zone,
                                           .more = found - KMS_ZONE_NEWS_MAX,
                                           .more_unjudged = unjudged};
        zones->news(zones->news_arg, &news);
    }
}

static void tell_numbers(const struct kms_zones *zones, struct entry *entry)
{
    if (entry->numbers.is_short && !entry->told_short) {
        const struct kms_zone_news news = {.what = KMS_ZONE_NEWS_NUMBERS_OUT,
                                           .zone = &entry->shown};
        entry->told_short = true;
        zones->news(zones->news_arg, &news);
    }
}

/* What is not known for once is no news, nor is what nobody was asked about yet. */
static void tell_hosts(const struct kms_zones *zones, struct entry *entry)
{
    const struct kms_zone *zone = &entry->shown;
    bool is_told = zone->few_hosts == entry->told_few && zone->unmet == entry->told_unmet;
    bool is_open = !zone->few_hosts && zone->healthy_hosts < zone->wanted_hosts;
    if (!kms_zone_answered(zone->outcome) || is_told || is_open) {
        return;
    }
    const struct kms_zone_news news = {.what = KMS_ZONE_NEWS_HOSTS, .zone = zone};
    entry->told_few = zone->few_hosts;
    entry->told_unmet = zone->unmet;
    zones->news(zones->news_arg, &news);
}

/* That a lookup failed is told once for the domain, not for each of its hosts. */
static void tell_publications(const struct kms_zones *zones, const struct kms_zone *zone)
{
    for (size_t i = 0; i < zone->publication_count; i++) {
        struct kms_zone_publication *of = &zone->publication[i];
        bool is_open = of->publication == KMS_PUBLICATION_UNKNOWN ||
                       of->publication == KMS_PUBLICATION_LOOKUP_FAILED;
        bool is_told = of->publication == of->told && (of->told_overdue || !of->overdue);
        if (is_open || is_told) {
            continue;
        }
        struct kms_zone_news news = {.what = KMS_ZONE_NEWS_PUBLICATION,
                                     .zone = zone,
                                     .publication = of,
                                     .publication_is_new = of->told == 0,
                                     .was_publication = of->told ? of->told
                                                                 : KMS_PUBLICATION_UNKNOWN};
        of->told = of->publication;
        of->told_overdue = of->overdue;
        zones->news(zones->news_arg, &news);
    }
}

static void tell(const struct kms_zones *zones, struct entry *entry, enum kms_outcome was)
{
    const struct kms_zone *zone = &entry->shown;
    if (!zones->news) {
        return;
    }
    if (zone->outcome != was) {
        struct kms_zone_news news = {
            .what = KMS_ZONE_NEWS_LOOKUP, .zone = zone, .was_outcome = was};
        zones->news(zones->news_arg, &news);
    }
    tell_records(zones, zone, false);
    tell_records(zones, zone, true);
    tell_numbers(zones, entry);
    tell_hosts(zones, entry);
    tell_publications(zones, zone);
}

static void move_time(int64_t by_s, int64_t *time_s)
{
    *time_s += *time_s != 0 ? by_s : 0;
}

/* What an earlier process named keeps its time: no steady clock tells how long ago that was. */
static void move_times(int64_t by_s, struct kms_zone *zone)
{
    move_time(by_s, &zone->last_lookup_s);
    move_time(by_s, &zone->last_success_s);
    for (size_t i = 0; i < zone->record_count; i++) {
        struct kms_zone_record_view *view = &zone->record[i];
        move_time(view->first_kept ? 0 : by_s, &view->first_seen_s);
        move_time(view->last_kept ? 0 : by_s, &view->last_seen_s);
    }
    for (size_t i = 0; i < zone->publication_count; i++) {
        struct kms_zone_publication *of = &zone->publication[i];
        move_time(of->since_kept ? 0 : by_s, &of->missing_since_s);
    }
}

/* The times that lookups told are named anew when the wall clock was set: how long ago they were is
 * for the steady clock to say. */
static void follow_clock(struct kms_zones *zones)
{
    int64_t by_s = kms_clock_set_by_s(zones->clock, zones->apart_us);
    for (size_t i = 0; by_s != 0 && i < zones->count; i++) {
        move_times(by_s, &zones->entry[i]->shown);
    }
    zones->apart_us += by_s * 1000000;
}

int64_t kms_zones_now_s(const struct kms_zones *zones, int64_t mono_us)
{
    return (mono_us + zones->apart_us) / 1000000;
}

int64_t kms_zones_apart_us(const struct kms_zones *zones)
{
    return zones->apart_us;
}

bool kms_zones_is_kept(const struct kms_zones *zones, int64_t time_s)
{
    return time_s < kms_zones_now_s(zones, zones->started_us);
}

int64_t kms_zones_set_by_s(const struct kms_zones *zones)
{
    return kms_clock_set_by_s(zones->clock, zones->apart_us);
}

/* Judges the entry with what next says of its lookup and its records, and swaps that in. next->
 * record is taken over, also where it is the list that the entry has; on KMS_ENOMEM it is not. */
static enum kms_status judge(struct kms_zones *zones, struct entry *entry, struct kms_zone *next,
                             int64_t now_s, bool rows)
{
    if (kms_zone_hosts_sync(&zones->law.hosts) != KMS_OK ||
        find_wanted(&zones->law.hosts, entry) != KMS_OK ||
        kms_zone_judge(&zones->law, &entry->wanted, now_s, next) != KMS_OK) {
        return KMS_ENOMEM;
    }
    struct kms_zone was = entry->shown;
    entry->shown = *next;
    zones->shape += rows || !same_hosts(&was, next) ? 1 : 0;
    if (was.record != next->record) {
        free(was.record);
    }
    free(was.publication);
    tell(zones, entry, was.outcome);
    return KMS_OK;
}

/* ---- domains ---- */

/* In the form in which they are compared: lower case, no last dot. */
static enum kms_status clean_name(const char *domain, char dst[KMS_ZONE_NAME_SIZE])
{
    if (!kms_text_copy(dst, KMS_ZONE_NAME_SIZE, domain)) {
        return KMS_ETOOBIG;
    }
    size_t len = strlen(dst);
    if (len > 1 && dst[len - 1] == '.') {
        dst[len - 1] = '\0';
    }
    for (size_t i = 0; dst[i]; i++) {
        dst[i] = kms_text_lower(dst[i]);
    }
    return KMS_OK;
}

static bool room_for_entry(struct kms_zones *zones)
{
    if (zones->count < zones->cap) {
        return true;
    }
    size_t cap = zones->cap ? zones->cap * 2 : 4;
    struct entry **grown = realloc(zones->entry, cap * sizeof(struct entry *));
    if (!grown) {
        return false;
    }
    zones->entry = grown;
    size_t *by_name = realloc(zones->by_name, cap * sizeof *by_name);
    if (!by_name) {
        return false;
    }
    zones->by_name = by_name;
    zones->cap = cap;
    return true;
}

/* Where the domain is in the order of names, or would be. */
static size_t find_name(const struct kms_zones *zones, const char *name, bool *ret_there)
{
    size_t low = 0, high = zones->named;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = strcmp(zones->entry[zones->by_name[middle]]->shown.name, name) < 0;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    *ret_there = low < zones->named &&
                 kms_text_equal(zones->entry[zones->by_name[low]]->shown.name, name);
    return low;
}

static void put_name(struct kms_zones *zones, size_t order, size_t at)
{
    size_t behind = zones->named - order;
    memmove(&zones->by_name[order + 1], &zones->by_name[order], behind * sizeof *zones->by_name);
    zones->by_name[order] = at;
    zones->named++;
}

/* One that was dropped, else behind the last. */
static size_t free_place(const struct kms_zones *zones)
{
    size_t at = zones->named < zones->count ? 0 : zones->count;
    while (at < zones->count && !is_dropped(zones->entry[at])) {
        at++;
    }
    return at;
}

/* Makes an empty entry the domain, which takes the place at. */
static enum kms_status found(struct kms_zones *zones, struct entry *entry, size_t at,
                             const char name[KMS_ZONE_NAME_SIZE])
{
    struct kms_zone *zone = &entry->shown;
    entry->wanted.hosts = 1;
    memcpy(zone->name, name, sizeof zone->name);
    zone->outcome = KMS_OUTCOME_NONE;
    entry->numbers = (struct kms_zone_numbers){.number = zones->number, .arg = zones->number_arg};
    zone->index = zones->number ? zones->number(zones->number_arg, "domain", name)
                                : (uint32_t)at + 1;
    struct kms_zone next = *zone;
    if (zone->index == 0 ||
        judge(zones, entry, &next, kms_clock_wall_s(zones->clock), true) != KMS_OK) {
        return KMS_ENOMEM;
    }
    return KMS_OK;
}

enum kms_status kms_zones_add(struct kms_zones *zones, const char *domain, size_t *ret_zone)
{
    char name[KMS_ZONE_NAME_SIZE];
    enum kms_status status = clean_name(domain, name);
    if (status != KMS_OK) {
        return status;
    }
    bool is_there;
    size_t order = find_name(zones, name, &is_there);
    if (is_there) {
        *ret_zone = zones->by_name[order];
        return KMS_OK;
    }
    size_t at = free_place(zones);
    struct entry *entry = room_for_entry(zones) ? calloc(1, sizeof *entry) : NULL;
    if (!entry) {
        return KMS_ENOMEM;
    }
    if (found(zones, entry, at, name) != KMS_OK) {
        free_entry(entry);
        return KMS_ENOMEM;
    }
    if (at < zones->count) {
        free_entry(zones->entry[at]);
    } else {
        zones->count++;
    }
    zones->entry[at] = entry;
    put_name(zones, order, at);
    *ret_zone = at;
    return KMS_OK;
}

void kms_zones_drop(struct kms_zones *zones, size_t at)
{
    bool is_there;
    size_t order = find_name(zones, zones->entry[at]->shown.name, &is_there);
    zones->named--;
    memmove(&zones->by_name[order], &zones->by_name[order + 1],
            (zones->named - order) * sizeof *zones->by_name);
    forget_entry(zones->entry[at]);
    zones->shape++;
}

/* "kms1" is a host of the domain itself. */
static void complete_names(struct kms_zone_expected *expect, size_t count, const char *domain)
{
    for (size_t i = 0; i < count; i++) {
        char full[KMS_ZONE_NAME_SIZE];
        if (!strchr(expect[i].name, '.') &&
            kms_text_format(full, sizeof full, "%s.%s", expect[i].name, domain)) {
            memcpy(expect[i].name, full, sizeof full);
        }
    }
}

enum kms_status kms_zones_wish(struct kms_zones *zones, size_t at, uint32_t want_hosts,
                               const struct kms_zone_expected *expect, size_t expect_count)
{
    struct kms_zone_wanted *wanted = &zones->entry[at]->wanted;
    struct kms_zone_expected *copy = NULL;
    if (expect_count > 0) {
        copy = calloc(expect_count, sizeof *copy);
        if (!copy) {
            return KMS_ENOMEM;
        }
        memcpy(copy, expect, expect_count * sizeof *copy);
        complete_names(copy, expect_count, zones->entry[at]->shown.name);
    }
    free(wanted->expect);
    wanted->expect = copy;
    wanted->expect_count = expect_count;
    wanted->hosts = want_hosts;
    return KMS_OK;
}

struct kms_zone_wish kms_zones_wished(const struct kms_zones *zones, size_t at)
{
    const struct kms_zone_wanted *wanted = &zones->entry[at]->wanted;
    return (struct kms_zone_wish){
        .hosts = wanted->hosts, .expect = wanted->expect, .expect_count = wanted->expect_count};
}

enum kms_rpc_state kms_zones_stranger(const struct kms_zones *zones,
                                      const struct kms_zone_record *record)
{
    const struct kms_zone_law *law = &zones->law;
    return law->stranger ? law->stranger(law->stranger_arg, record) : KMS_RPC_UNKNOWN;
}

enum kms_status kms_zones_recall(struct kms_zones *zones, size_t at,
                                 const struct kms_zone_past *past, size_t count)
{
    follow_clock(zones);
    struct entry *entry = zones->entry[at];
    struct kms_zone next = entry->shown;
    bool rows = false;
    int64_t from_s = kms_zones_now_s(zones, zones->started_us);
    if (kms_zone_records_recall(&next, past, count, from_s, &entry->numbers, &rows) != KMS_OK) {
        return KMS_ENOMEM;
    }
    enum kms_status status = judge(zones, entry, &next, kms_clock_wall_s(zones->clock), rows);
    if (status != KMS_OK) {
        free(next.record);
    }
    return status;
}

void kms_zones_recall_missing(struct kms_zones *zones, size_t at, const char *host, int64_t since_s)
{
    follow_clock(zones);
    struct kms_zone *zone = &zones->entry[at]->shown;
    for (size_t i = 0; i < zone->publication_count; i++) {
        struct kms_zone_publication *of = &zone->publication[i];
        const struct kms_snapshot *snapshot = kms_board_snapshot(zones->law.hosts.board,
                                                                 of->host_slot);
        if (!of->missing_known && kms_text_equal_nocase(snapshot->target->name, host)) {
            of->missing_known = true;
            of->missing_since_s = since_s;
            of->since_kept = kms_zones_is_kept(zones, since_s);
        }
    }
}

enum kms_status kms_zones_publish(struct kms_zones *zones, size_t at,
                                  const struct kms_zone_lookup *lookup)
{
    follow_clock(zones);
    struct entry *entry = zones->entry[at];
    struct kms_zone next = entry->shown;
    bool rows = false;
    next.outcome = lookup->outcome;
    next.last_lookup_s = lookup->wall_s;
    kms_text_copy(next.detail, sizeof next.detail, lookup->detail);
    if (kms_zone_answered(lookup->outcome)) {
        next.last_success_s = lookup->wall_s;
        if (kms_zone_records_merge(&next, lookup, zones->forget_after_s, &entry->numbers, &rows) !=
            KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    enum kms_status status = judge(zones, entry, &next, lookup->wall_s, rows);
    if (status != KMS_OK && next.record != entry->shown.record) {
        free(next.record);
    }
    if (status == KMS_OK && zones->published) {
        zones->published(zones->published_arg, &entry->shown);
    }
    return status;
}

void kms_zones_watch(struct kms_zones *zones, kms_zones_published_fn *published, void *arg)
{
    zones->published = published;
    zones->published_arg = arg;
}

/* A disagreement that is not known any more is not over. */
static bool is_servers_news(const struct kms_zone_servers *was, const struct kms_zone_servers *is)
{
    return is->known && (was->disagree != is->disagree ||
                         (is->disagree && !kms_text_equal(was->text, is->text)));
}

enum kms_status kms_zones_publish_servers(struct kms_zones *zones, size_t at,
                                          const struct kms_zone_servers *servers)
{
    follow_clock(zones);
    struct entry *entry = zones->entry[at];
    struct kms_zone next = entry->shown;
    next.servers = *servers;
    enum kms_status status = judge(zones, entry, &next, kms_clock_wall_s(zones->clock), false);
    if (status == KMS_OK && zones->news && is_servers_news(&entry->told_servers, servers)) {
        const struct kms_zone_news news = {.what = KMS_ZONE_NEWS_SERVERS, .zone = &entry->shown};
        entry->told_servers = *servers;
        zones->news(zones->news_arg, &news);
    }
    return status;
}

enum kms_status kms_zones_refresh_one(struct kms_zones *zones, size_t at)
{
    follow_clock(zones);
    struct entry *entry = zones->entry[at];
    struct kms_zone next = entry->shown;
    return is_dropped(entry) ? KMS_OK
                             : judge(zones, entry, &next, kms_clock_wall_s(zones->clock), false);
}

enum kms_status kms_zones_refresh(struct kms_zones *zones)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (kms_zones_refresh_one(zones, i) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}
