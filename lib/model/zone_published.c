/* Judges whether the hosts of a domain are published there, by the records that lead to them. */
#include <stdlib.h>

#include "model/judge_parts.h"
#include "model/zone_parts.h"

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

static int compare_match(const void *a, const void *b)
{
    const struct kms_zone_match *x = a;
    const struct kms_zone_match *y = b;
    int order = (x->slot > y->slot) - (x->slot < y->slot);
    return order ? order : (x->record > y->record) - (x->record < y->record);
}

/* Since when: what is not known now changes nothing about that. */
static void judge_since(const struct kms_zone_court *court, const struct kms_zone_publication *was,
                        struct kms_zone_publication *ret)
{
    bool is_open = ret->publication == KMS_PUBLICATION_UNKNOWN ||
                   ret->publication == KMS_PUBLICATION_LOOKUP_FAILED;
    if (was && was->host_index == ret->host_index) {
        ret->told = was->told;
        ret->told_overdue = was->told_overdue;
        ret->missing_known = was->missing_known;
        ret->missing_since_s = was->missing_since_s;
        ret->since_kept = was->since_kept;
    }
    if (is_open) {
        return;
    }
    ret->missing_known = true;
    if (!kms_zone_is_missing(ret)) {
        ret->missing_since_s = 0;
        ret->since_kept = false;
    } else if (ret->missing_since_s == 0) {
        ret->missing_since_s = court->now_s;
    }
}

/* The matches first to end are those of the slot. */
static void judge_publication(const struct kms_zone_court *court, size_t slot, bool expected,
                              size_t first, size_t end, struct kms_zone_publication *ret)
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
        bool resolves = kms_zone_has_address(&view->record);
        unsigned worth = 1 + (court->match[i].port_right ? 2u : 0u) + (resolves ? 1u : 0u);
        own += kms_zone_may_serve(view) ? 1 : 0;
        if (view->present && worth > rank) {
            rank = worth;
            best = &view->record;
            evidence.found = true;
            evidence.port_right = court->match[i].port_right;
            evidence.resolves = resolves;
        }
    }
    evidence.other_healthy = court->may_serve > own;
    /* A host that is known by its address cannot be told missing while addresses are. */
    if (!evidence.found && court->is_patchy &&
        kms_zone_is_address(kms_target_address(host->target))) {
        evidence.lookup_failed = true;
    }
    struct kms_publication_judgement judgement = kms_judge_publication(&evidence);
    *ret = (struct kms_zone_publication){.host_slot = slot,
                                         .host_index = host->index,
                                         .expected = expected,
                                         .publication = judgement.publication,
                                         .state = judgement.state};
    judge_since(court, kms_zone_publication_of(zone, slot), ret);
    int64_t missing_s = ret->missing_since_s ? court->now_s - ret->missing_since_s : 0;
    ret->overdue = ret->publication == KMS_PUBLICATION_MISSING && expected &&
                   evidence.host_flag == KMS_PUBLISHING_ENABLED && missing_s > KMS_ZONE_PUBLISH_S;
    struct kms_zone_reason reason = {.zone = zone,
                                     .host = host,
                                     .record = best,
                                     .publication = ret->publication,
                                     .overdue = ret->overdue,
                                     .missing_s = missing_s};
    kms_zone_reason_text(&reason, ret->reason, sizeof ret->reason);
}

/* Nothing but DNS named it: each domain that ever did is expected to go on. */
static bool is_discovered(const struct kms_board *board, size_t slot)
{
    return kms_board_snapshot(board, slot)->target->origin == KMS_ORIGIN_DISCOVERED;
}

size_t kms_zone_judge_publications(struct kms_zone_court *court, struct kms_zone_publication *made)
{
    if (court->match_count > 0) {
        qsort(court->match, court->match_count, sizeof *court->match, compare_match);
    }
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
        expected = expected || (end > first && is_discovered(court->board, slot));
        if (expected || is_present) {
            judge_publication(court, slot, expected, first, end, &made[count++]);
        }
        first = end;
    }
    return count;
}
