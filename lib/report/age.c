/* The best, the oldest and the youngest time that the evidence about a report allows. */
#include "report/age.h"

/* Zones reach from UTC-12 to UTC+14: 14 hours are enough on either side. */
#define ZONE_MAX_S (INT64_C(14) * 3600)

static int64_t younger_bound(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A file cannot say more than was known when it was last written, and nobody knows the future. */
static int64_t youngest(const struct kms_age_evidence *evidence)
{
    int64_t max_s = evidence->now_s;
    if (evidence->own_known) {
        max_s = younger_bound(max_s, evidence->own_s + ZONE_MAX_S);
    }
    if (evidence->file_known) {
        max_s = younger_bound(max_s, evidence->file_s);
    }
    return max_s;
}

/* Where a zone explains the difference, the file tells the time in UTC; where none does, the file
 * was copied or touched later and the report knows better. */
static int64_t best(const struct kms_age_evidence *evidence)
{
    if (!evidence->own_known) {
        return evidence->file_s;
    }
    bool near = evidence->file_known && evidence->own_s - evidence->file_s <= ZONE_MAX_S &&
                evidence->file_s - evidence->own_s <= ZONE_MAX_S;
    return near ? evidence->file_s : evidence->own_s;
}

/* A time that no zone explains to be past is no evidence: a clock was wrong when it was written. */
static struct kms_age_evidence believable(const struct kms_age_evidence *evidence)
{
    struct kms_age_evidence kept = *evidence;
    kept.own_known = kept.own_known && kept.own_s <= kept.now_s + ZONE_MAX_S;
    kept.file_known = kept.file_known && kept.file_s <= kept.now_s + ZONE_MAX_S;
    return kept;
}

struct kms_age kms_age_of(const struct kms_age_evidence *given)
{
    struct kms_age_evidence kept = believable(given);
    const struct kms_age_evidence *evidence = &kept;
    if (!evidence->own_known && !evidence->file_known) {
        return (struct kms_age){0};
    }
    int64_t oldest_s = evidence->own_known ? evidence->own_s - ZONE_MAX_S : evidence->file_s;
    int64_t max_s = youngest(evidence);
    return (struct kms_age){
        .best_s = younger_bound(best(evidence), max_s),
        .min_s = younger_bound(oldest_s, max_s),
        .max_s = max_s,
    };
}
