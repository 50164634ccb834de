/* Judges one domain: its records by the hosts that they lead to, the hosts by the records that lead
 * to them. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/judge_parts.h"
#include "model/zone_parts.h"

bool kms_zone_answered(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

bool kms_zone_is_lost(enum kms_srv_state state)
{
    return state == KMS_SRV_DEAD || state == KMS_SRV_UNRESOLVABLE || state == KMS_SRV_WRONG_PORT;
}

static bool is_misdone(enum kms_publication_state publication)
{
    return publication == KMS_PUBLICATION_MISSING || publication == KMS_PUBLICATION_DISABLED ||
           publication == KMS_PUBLICATION_WRONG_PORT || publication == KMS_PUBLICATION_UNRESOLVABLE;
}

bool kms_zone_is_missing(const struct kms_zone_publication *publication)
{
    return publication->expected && is_misdone(publication->publication);
}

static int compare_slot(const void *key, const void *member)
{
    size_t slot = *(const size_t *)key;
    const struct kms_zone_publication *publication = member;
    return (slot > publication->host_slot) - (slot < publication->host_slot);
}

struct kms_zone_publication *kms_zone_publication_of(const struct kms_zone *zone, size_t slot)
{
    return zone->publication_count > 0 ? bsearch(&slot, zone->publication, zone->publication_count,
                                                 sizeof *zone->publication, compare_slot)
                                       : NULL;
}

/* ---- which record leads where ---- */

struct court {
    const struct kms_board *board;
    bool site_lists;
    const struct kms_zone_wanted *wanted;
    int64_t now_s;
    struct kms_zone *zone;
    struct kms_zone_match *match; /* by record, later by slot */
    size_t match_count, match_cap;
    uint32_t healthy; /* records */
    bool is_patchy;   /* the address of a target could not be looked up */
};

static bool add_matches(struct court *court, const struct kms_zone_match *match, size_t count,
                        size_t record)
{
    if (court->match_count + count > court->match_cap) {
        size_t cap = (court->match_count + count) * 2;
        struct kms_zone_match *grown = realloc(court->match, cap * sizeof *grown);
        if (!grown) {
            return false;
        }
        court->match = grown;
        court->match_cap = cap;
    }
    for (size_t i = 0; i < count; i++) {
        struct kms_zone_match *made = &court->match[court->match_count++];
        *made = match[i];
        made->record = record;
    }
    return true;
}

static bool match_records(struct court *court, const struct kms_zone_hosts *hosts)
{
    const struct kms_zone *zone = court->zone;
    for (size_t i = 0; i < zone->record_count; i++) {
        struct kms_zone_match found[KMS_ZONE_MATCHES_MAX];
        size_t count = kms_zone_hosts_match(hosts, zone->name, &zone->record[i].record, found);
        if (!add_matches(court, found, count, i)) {
            return false;
        }
    }
    return true;
}

/* ---- records ---- */

/* The target is none: the root, nothing, or an address where a name must stand. */
static bool has_no_name(const struct kms_zone_record *record)
{
    return record->target[0] == '\0' || kms_text_equal(record->target, ".") ||
           kms_zone_is_address(record->target);
}

static bool leads_to_address(const struct kms_zone_record *record)
{
    return record->resolution != KMS_ZONE_RESOLVES_NOT && !(record->flaw && has_no_name(record));
}

static enum kms_srv_state state_by_host(const struct court *court,
                                        const struct kms_zone_record *record,
                                        const struct kms_zone_match *match)
{
    const struct kms_snapshot *snapshot = kms_board_snapshot(court->board, match->slot);
    if (!match->port_right) {
        return KMS_SRV_WRONG_PORT;
    }
    if (record->flaw) {
        return KMS_SRV_DEAD;
    }
    switch (kms_zone_port_state(snapshot, record->port)) {
    case KMS_RPC_UNKNOWN:
        return KMS_SRV_UNKNOWN;
    case KMS_RPC_ACCEPTED:
        return court->site_lists && snapshot->target->origin == KMS_ORIGIN_DISCOVERED
                   ? KMS_SRV_ROGUE
                   : KMS_SRV_HEALTHY;
    default:
        return KMS_SRV_DEAD;
    }
}

static enum kms_srv_state state_of(const struct court *court,
                                   const struct kms_zone_record_view *view,
                                   const struct kms_zone_match *match)
{
    if (!view->present) {
        return KMS_SRV_GONE;
    }
    if (!leads_to_address(&view->record)) {
        return KMS_SRV_UNRESOLVABLE;
    }
    if (match) {
        return state_by_host(court, &view->record, match);
    }
    return view->record.flaw ? KMS_SRV_DEAD : KMS_SRV_UNKNOWN;
}

/* Of several hosts on one name or address the one whose probe says most. */
static const struct kms_zone_match *best_match(const struct court *court, size_t record,
                                               size_t first, size_t end)
{
    const struct kms_zone_match *best = first < end ? &court->match[first] : NULL;
    uint16_t port = court->zone->record[record].record.port;
    for (size_t i = first; i < end; i++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(court->board,
                                                                 court->match[i].slot);
        if (kms_zone_port_state(snapshot, port) != KMS_RPC_UNKNOWN) {
            return &court->match[i];
        }
    }
    return best;
}

static void judge_records(struct court *court)
{
    struct kms_zone *zone = court->zone;
    size_t first = 0;
    for (size_t i = 0; i < zone->record_count; i++) {
        struct kms_zone_record_view *view = &zone->record[i];
        size_t end = first;
        while (end < court->match_count && court->match[end].record == i) {
            end++;
        }
        const struct kms_zone_match *match = best_match(court, i, first, end);
        view->host_known = match != NULL;
        view->host_slot = match ? match->slot : 0;
        view->state = state_of(court, view, match);
        court->healthy += view->state == KMS_SRV_HEALTHY ? 1 : 0;
        court->is_patchy = court->is_patchy ||
                           (view->present && view->record.address_count == 0 &&
                            view->record.resolution == KMS_ZONE_RESOLUTION_UNKNOWN);
        first = end;
    }
}

/* ---- publications ---- */

static int compare_match(const void *a, const void *b)
{
    const struct kms_zone_match *x = a;
    const struct kms_zone_match *y = b;
    int order = (x->slot > y->slot) - (x->slot < y->slot);
    return order ? order : (x->record > y->record) - (x->record < y->record);
}

/* Since when: what is not known now changes nothing about that. */
static void judge_since(const struct court *court, const struct kms_zone_publication *was,
                        struct kms_zone_publication *ret)
{
    bool is_open = ret->publication == KMS_PUBLICATION_UNKNOWN ||
                   ret->publication == KMS_PUBLICATION_LOOKUP_FAILED;
    if (was) {
        ret->told = was->told;
        ret->missing_known = was->missing_known;
        ret->missing_since_s = was->missing_since_s;
    }
    if (is_open) {
        return;
    }
    ret->missing_known = true;
    if (!kms_zone_is_missing(ret)) {
        ret->missing_since_s = 0;
    } else if (ret->missing_since_s == 0) {
        ret->missing_since_s = court->now_s;
    }
}

/* The matches first to end are those of the slot. */
static void judge_publication(const struct court *court, size_t slot, bool expected, size_t first,
                              size_t end, struct kms_zone_publication *ret)
{
    const struct kms_zone *zone = court->zone;
    const struct kms_snapshot *host = kms_board_snapshot(court->board, slot);
    const struct kms_zone_record *best = NULL;
    struct kms_publication_evidence evidence = {
        .expected = expected,
        .looked_up = zone->outcome != KMS_OUTCOME_NONE,
        .lookup_failed = !kms_zone_answered(zone->outcome),
        .host_flag = (enum kms_publishing)kms_fact_or(
            &host->judgement.host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_UNKNOWN),
    };
    uint32_t own = 0;
    unsigned rank = 0;
    for (size_t i = first; i < end; i++) {
        const struct kms_zone_record_view *view = &zone->record[court->match[i].record];
        bool resolves = leads_to_address(&view->record);
        unsigned worth = 1 + (court->match[i].port_right ? 2u : 0u) + (resolves ? 1u : 0u);
        own += view->state == KMS_SRV_HEALTHY ? 1 : 0;
        if (view->present && worth > rank) {
            rank = worth;
            best = &view->record;
            evidence.found = true;
            evidence.port_right = court->match[i].port_right;
            evidence.resolves = resolves;
        }
    }
    evidence.other_healthy = court->healthy > own;
    /* A host that is known by its address cannot be told missing while addresses are. */
    if (!evidence.found && court->is_patchy &&
        kms_zone_is_address(kms_target_address(host->target))) {
        evidence.lookup_failed = true;
    }
    struct kms_publication_judgement judgement = kms_judge_publication(&evidence);
    *ret = (struct kms_zone_publication){.host_slot = slot,
                                         .expected = expected,
                                         .publication = judgement.publication,
                                         .state = judgement.state};
    judge_since(court, kms_zone_publication_of(zone, slot), ret);
    struct kms_zone_reason reason = {
        .zone = zone, .host = host, .record = best, .publication = ret->publication};
    kms_zone_reason_text(&reason, ret->reason, sizeof ret->reason);
}

/* Walks the hosts that are expected and those that are found, both in order. made has room for all.
 */
static size_t judge_publications(const struct court *court, struct kms_zone_publication *made)
{
    const struct kms_zone_wanted *wanted = court->wanted;
    size_t count = 0, at_wanted = 0, first = 0;
    while (at_wanted < wanted->count || first < court->match_count) {
        size_t slot = first < court->match_count ? court->match[first].slot : SIZE_MAX;
        bool expected = at_wanted < wanted->count && wanted->slot[at_wanted] <= slot;
        slot = expected ? wanted->slot[at_wanted++] : slot;
        size_t end = first;
        bool is_present = false;
        while (end < court->match_count && court->match[end].slot == slot) {
            is_present = is_present || court->zone->record[court->match[end].record].present;
            end++;
        }
        if (expected || is_present) {
            judge_publication(court, slot, expected, first, end, &made[count++]);
        }
        first = end;
    }
    return count;
}

/* ---- the domain ---- */

static void blame(struct kms_zone *zone, enum kms_state state, enum kms_reason reason)
{
    kms_worsen(&zone->state, state);
    zone->reasons |= KMS_BIT(reason);
}

static uint32_t count_healthy_hosts(const struct court *court)
{
    uint32_t count = 0;
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < court->match_count; i++) { /* by slot */
        const struct kms_zone_match *match = &court->match[i];
        const struct kms_zone_record_view *view = &court->zone->record[match->record];
        if (view->state == KMS_SRV_HEALTHY && view->host_slot == match->slot &&
            match->slot != last) {
            count++;
            last = match->slot;
        }
    }
    return count;
}

/* Counts what the records are worth; returns how many of those present lead nowhere. */
static size_t sum_up(struct kms_zone *zone, size_t *ret_present)
{
    size_t present = 0, lost = 0;
    zone->rogue = zone->dead_share = zone->dead_share_uniform = 0;
    zone->shares_known = false;
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        present++;
        zone->rogue += view->state == KMS_SRV_ROGUE ? 1 : 0;
        zone->shares_known = zone->shares_known || view->share_uniform > 0 || view->share > 0;
        if (kms_zone_is_lost(view->state)) {
            lost++;
            zone->dead_share += view->share;
            zone->dead_share_uniform += view->share_uniform;
        }
    }
    *ret_present = present;
    return lost;
}

static void judge_domain(const struct court *court)
{
    struct kms_zone *zone = court->zone;
    size_t present;
    size_t lost = sum_up(zone, &present);
    zone->healthy_hosts = count_healthy_hosts(court);
    zone->wanted_hosts = (uint32_t)court->wanted->count;
    zone->state = KMS_STATE_OK;
    zone->reasons = 0;
    if (zone->outcome == KMS_OUTCOME_NONE) {
        blame(zone, KMS_STATE_UNKNOWN, KMS_REASON_NO_DATA);
        return;
    }
    if (!kms_zone_answered(zone->outcome)) {
        blame(zone, KMS_STATE_UNKNOWN, KMS_REASON_STALE);
        return;
    }
    if (present == 0) {
        blame(zone, KMS_STATE_CRITICAL, KMS_REASON_NOT_PUBLISHED);
        return;
    }
    for (size_t i = 0; i < present; i++) {
        enum kms_srv_state state = zone->record[i].state;
        if (state == KMS_SRV_WRONG_PORT) {
            blame(zone, KMS_STATE_WARNING, KMS_REASON_NOT_PUBLISHED);
        } else if (kms_zone_is_lost(state)) {
            blame(zone, KMS_STATE_WARNING, KMS_REASON_UNREACHABLE);
        } else if (state == KMS_SRV_ROGUE) {
            blame(zone, KMS_STATE_WARNING, KMS_REASON_SUSPICIOUS);
        }
    }
    if (lost == present) {
        blame(zone, KMS_STATE_CRITICAL, KMS_REASON_UNREACHABLE);
    }
    for (size_t i = 0; i < zone->publication_count; i++) {
        if (kms_zone_is_missing(&zone->publication[i])) {
            blame(zone, KMS_STATE_WARNING, KMS_REASON_NOT_PUBLISHED);
        }
    }
}

enum kms_status kms_zone_judge(const struct kms_zone_hosts *hosts, bool site_lists,
                               const struct kms_zone_wanted *wanted, int64_t now_s,
                               struct kms_zone *zone)
{
    struct court court = {.board = hosts->board,
                          .site_lists = site_lists,
                          .wanted = wanted,
                          .now_s = now_s,
                          .zone = zone};
    struct kms_zone_publication *made = NULL;
    bool is_matched = match_records(&court, hosts);
    if (is_matched) {
        /* One more than needed: an empty list has an address too. */
        made = calloc(wanted->count + court.match_count + 1, sizeof *made);
    }
    if (!made) {
        free(court.match);
        return KMS_ENOMEM;
    }
    judge_records(&court);
    if (court.match_count > 0) {
        qsort(court.match, court.match_count, sizeof *court.match, compare_match);
    }
    size_t count = judge_publications(&court, made);
    zone->publication_count = count;
    zone->publication = made;
    judge_domain(&court);
    free(court.match);
    return KMS_OK;
}
