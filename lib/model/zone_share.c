/* Which part of the clients chooses each record first (RFC 2782). */
#include "model/zone.h"

/* How often a record is drawn, out of the sum of all draws of its priority. RFC 2782 draws a number
 * from 0 to the sum of the weights, both included: records of weight 0 stand first and share the
 * one draw of 0 where others have weights. */
static uint64_t draws_of(const struct kms_zone_record *record, uint64_t zeros)
{
    if (zeros == 0) {
        return record->weight;
    }
    return record->weight > 0 ? record->weight * zeros : 1;
}

static bool is_first_choice(const struct kms_zone_record *record, uint16_t priority)
{
    return !record->flaw && record->priority == priority;
}

/* Shares of one kind: the draws of each record. */
struct pot {
    const struct kms_zone_record *const *record;
    size_t count;
    bool uniform;
    uint16_t priority;
    uint64_t zeros; /* records of weight 0 */
};

static uint64_t draws(const struct pot *pot, size_t at)
{
    const struct kms_zone_record *record = pot->record[at];
    if (pot->uniform) {
        return record->flaw ? 0 : 1;
    }
    return is_first_choice(record, pot->priority) ? draws_of(record, pot->zeros) : 0;
}

/* The largest remainders get what rounding down left over: the sum is exactly 1000. */
static void round_up(const struct pot *pot, uint64_t all, uint32_t left, uint32_t *share)
{
    for (; left > 0; left--) {
        size_t best = pot->count;
        uint64_t most = 0;
        for (size_t i = 0; i < pot->count; i++) {
            uint64_t part = draws(pot, i) * 1000;
            if (share[i] == part / all && part % all > most) {
                most = part % all;
                best = i;
            }
        }
        share[best]++;
    }
}

static void deal(const struct pot *pot, uint32_t *share)
{
    uint64_t all = 0;
    for (size_t i = 0; i < pot->count; i++) {
        all += draws(pot, i);
        share[i] = 0;
    }
    if (all == 0) {
        return;
    }
    uint32_t given = 0;
    for (size_t i = 0; i < pot->count; i++) {
        share[i] = (uint32_t)(draws(pot, i) * 1000 / all);
        given += share[i];
    }
    round_up(pot, all, 1000 - given, share);
}

void kms_zone_shares(const struct kms_zone_record *const *record, size_t count, uint32_t *ret_share,
                     uint32_t *ret_uniform)
{
    struct pot pot = {.record = record, .count = count, .priority = UINT16_MAX};
    for (size_t i = 0; i < count; i++) {
        if (!record[i]->flaw && record[i]->priority < pot.priority) {
            pot.priority = record[i]->priority;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool is_zero = is_first_choice(record[i], pot.priority) && record[i]->weight == 0;
        pot.zeros += is_zero ? 1 : 0;
    }
    deal(&pot, ret_share);
    pot.uniform = true;
    deal(&pot, ret_uniform);
}
