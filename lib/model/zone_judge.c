/* Judges one domain: its records by the hosts that they lead to, the hosts by the records that lead
 * to them. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/judge_parts.h"
#include "model/zone_parts.h"
#include "model/zone_share.h"

bool kms_zone_answered(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

bool kms_zone_is_lost(enum kms_srv_state state)
{
    return state == KMS_SRV_DEAD || state == KMS_SRV_UNRESOLVABLE || state == KMS_SRV_WRONG_PORT;
}

bool kms_zone_may_serve(const struct kms_zone_record_view *view)
{
    const struct kms_zone_record *record = &view->record;
    bool has_address = record->resolution == KMS_ZONE_RESOLVES || record->address_count > 0;
    return view->state == KMS_SRV_HEALTHY ||
           (view->state == KMS_SRV_UNKNOWN && !record->flaw && has_address);
}

/* ---- which record leads where ---- */

static bool add_matches(struct kms_zone_court *court, const struct kms_zone_match *match,
                        size_t count, size_t record)
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

static bool match_records(struct kms_zone_court *court, const struct kms_zone_hosts *hosts)
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

bool kms_zone_has_address(const struct kms_zone_record *record)
{
    return record->resolution != KMS_ZONE_RESOLVES_NOT && !(record->flaw && has_no_name(record));
}

static bool is_probed(const struct kms_snapshot *snapshot)
{
    return snapshot->target->source[KMS_SOURCE_RPC].enabled;
}

/* What a client that follows a sound record meets. */
static enum kms_srv_state state_by_probe(enum kms_rpc_state rpc, bool is_rogue)
{
    switch (rpc) {
    case KMS_RPC_UNKNOWN:
        return KMS_SRV_UNKNOWN;
    case KMS_RPC_ACCEPTED:
        return is_rogue ? KMS_SRV_ROGUE : KMS_SRV_HEALTHY;
    default:
        return KMS_SRV_DEAD;
    }
}

static enum kms_rpc_state ask_stranger(const struct kms_zone_court *court,
                                       const struct kms_zone_record *record)
{
    const struct kms_zone_law *law = court->law;
    return law->stranger ? law->stranger(law->stranger_arg, record) : KMS_RPC_UNKNOWN;
}

/* No host of the configuration: a rogue, unless the site lists it or lists none. */
static enum kms_srv_state state_by_list(const struct kms_zone_court *court,
                                        const struct kms_zone_record *record,
                                        enum kms_rpc_state rpc)
{
    const struct kms_zone_expected *listed = kms_zone_listed(court->wanted, record);
    bool site_lists = court->law->site_lists || court->wanted->expect_count > 0;
    enum kms_srv_state state = state_by_probe(rpc, site_lists && !listed);
    bool is_wrong = listed && listed->port != record->port && state != KMS_SRV_HEALTHY;
    return is_wrong ? KMS_SRV_WRONG_PORT : state;
}

static enum kms_srv_state state_by_host(const struct kms_zone_court *court,
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
    enum kms_rpc_state rpc = is_probed(snapshot) ? kms_zone_port_state(snapshot, record->port)
                                                 : ask_stranger(court, record);
    if (snapshot->target->origin == KMS_ORIGIN_CONFIGURED) {
        return state_by_probe(rpc, false);
    }
    return state_by_list(court, record, rpc);
}

/* The host that it leads to, if any, has no probe; and one can be made. */
static bool is_stranger(const struct kms_zone_court *court, const struct kms_zone_record_view *view,
                        const struct kms_zone_match *match)
{
    bool is_watched = match && (!match->port_right ||
                                is_probed(kms_board_snapshot(court->board, match->slot)));
    return view->present && !view->record.flaw && kms_zone_has_address(&view->record) &&
           !is_watched;
}

static enum kms_srv_state state_of(const struct kms_zone_court *court,
                                   const struct kms_zone_record_view *view,
                                   const struct kms_zone_match *match)
{
    if (!view->present) {
        return court->zone->last_success_s == 0 ? KMS_SRV_UNKNOWN : KMS_SRV_GONE;
    }
    if (!kms_zone_has_address(&view->record)) {
        return KMS_SRV_UNRESOLVABLE;
    }
    if (match) {
        return state_by_host(court, &view->record, match);
    }
    return view->record.flaw
               ? KMS_SRV_DEAD
               : state_by_list(court, &view->record, ask_stranger(court, &view->record));
}

/* Of several hosts on one name or address the one whose probe says most. */
static const struct kms_zone_match *best_match(const struct kms_zone_court *court, size_t record,
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

static void judge_records(struct kms_zone_court *court)
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
        view->stranger = is_stranger(court, view, match);
        view->state = state_of(court, view, match);
        court->may_serve += kms_zone_may_serve(view) ? 1 : 0;
        court->is_patchy = court->is_patchy ||
                           (view->present && view->record.address_count == 0 &&
                            view->record.resolution == KMS_ZONE_RESOLUTION_UNKNOWN);
        first = end;
    }
}

/* ---- the domain ---- */

static void blame(struct kms_zone *zone, enum kms_state state, enum kms_reason reason)
{
    kms_worsen(&zone->state, state);
    zone->reasons |= KMS_BIT(reason);
}

/* Healthy records that lead to no watched host, by the names of their targets. */
static uint32_t count_healthy_strangers(const struct kms_zone *zone)
{
    uint32_t count = 0;
    for (size_t i = 0; i < zone->record_count; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        bool is_first = view->state == KMS_SRV_HEALTHY && !view->host_known;
        for (size_t j = 0; is_first && j < i; j++) {
            const struct kms_zone_record_view *before = &zone->record[j];
            is_first = !(before->state == KMS_SRV_HEALTHY && !before->host_known &&
                         kms_text_equal_nocase(before->record.target, view->record.target));
        }
        count += is_first ? 1 : 0;
    }
    return count;
}

static uint32_t count_healthy_hosts(const struct kms_zone_court *court)
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
    return count + count_healthy_strangers(court->zone);
}

static size_t count_draws(const struct kms_zone *zone)
{
    size_t count = 0;
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        count += zone->record[i].draw_count;
    }
    return count;
}

/* What clients go through. choice has room for all draws. */
static void take_toll(struct kms_zone *zone, struct kms_zone_choice *choice)
{
    size_t count = 0;
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        for (size_t k = 0; k < view->draw_count; k++) {
            choice[count++] = (struct kms_zone_choice){.priority = view->draw[k].priority,
                                                       .weight = view->draw[k].weight,
                                                       .usable = true,
                                                       .lost = kms_zone_is_lost(view->state)};
        }
    }
    struct kms_zone_toll by_rfc = kms_zone_toll_of(choice, count, KMS_ZONE_CLIENTS_RFC);
    struct kms_zone_toll uniform = kms_zone_toll_of(choice, count, KMS_ZONE_CLIENTS_UNIFORM);
    zone->shares_known = by_rfc.known;
    zone->dead_share = by_rfc.dead_share;
    zone->dead_share_uniform = uniform.dead_share;
    zone->tries_known = by_rfc.ends;
    zone->tries = by_rfc.tries;
    zone->tries_uniform = uniform.tries;
}

/* Counts what the records are worth; returns how many of those present lead nowhere. */
static size_t sum_up(struct kms_zone *zone, size_t *ret_present)
{
    size_t present = 0, lost = 0;
    zone->rogue = 0;
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        present++;
        zone->rogue += view->state == KMS_SRV_ROGUE ? 1 : 0;
        lost += kms_zone_is_lost(view->state) ? 1 : 0;
    }
    *ret_present = present;
    return lost;
}

static void judge_domain(const struct kms_zone_court *court)
{
    struct kms_zone *zone = court->zone;
    size_t present;
    size_t lost = sum_up(zone, &present);
    zone->healthy_hosts = count_healthy_hosts(court);
    zone->wanted_hosts = court->wanted->hosts;
    zone->few_hosts = false;
    zone->unmet = 0;
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
    if (zone->servers.known && zone->servers.differ) {
        blame(zone, KMS_STATE_WARNING, KMS_REASON_CONFIG_DRIFT);
    }
    kms_zone_judge_wish(court->wanted, zone);
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

enum kms_status kms_zone_judge(const struct kms_zone_law *law, const struct kms_zone_wanted *wanted,
                               int64_t now_s, struct kms_zone *zone)
{
    struct kms_zone_court court = {
        .board = law->hosts.board, .law = law, .wanted = wanted, .now_s = now_s, .zone = zone};
    struct kms_zone_publication *made = NULL;
    struct kms_zone_choice *choice = NULL;
    bool is_matched = match_records(&court, &law->hosts);
    if (is_matched) {
        /* One more than needed: an empty list has an address too. */
        made = calloc(wanted->count + court.match_count + 1, sizeof *made);
        choice = calloc(count_draws(zone) + 1, sizeof *choice);
    }
    if (!made || !choice) {
        free(choice);
        free(made);
        free(court.match);
        return KMS_ENOMEM;
    }
    judge_records(&court);
    take_toll(zone, choice);
    free(choice);
    size_t count = kms_zone_judge_publications(&court, made);
    zone->publication_count = count;
    zone->publication = made;
    judge_domain(&court);
    kms_zone_summary_text(zone);
    free(court.match);
    return KMS_OK;
}
