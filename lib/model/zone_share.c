/* Which part of the clients chooses each record first, and how many they try (RFC 2782). */
#include "model/zone_share.h"

#define KINDS_MAX 10 /* two to this are the states of as many kinds of one record each */

/* ---- the first choice ---- */

/* Records among which a client draws. RFC 2782 puts those of weight 0 first, draws a number from 0
 * to the sum of the weights, both included, and takes the first record whose running sum is not
 * less. A record of weight w gets w of the numbers; the 0 goes to the record that stands first:
 * one of weight 0, or any when there is none. */
struct pot {
    size_t count, zeros;
    uint64_t sum; /* of the weights */
};

static void pot_add(struct pot *pot, uint16_t weight)
{
    pot->count++;
    pot->zeros += weight == 0 ? 1 : 0;
    pot->sum += weight;
}

/* Those that can stand first. */
static uint64_t heads(const struct pot *pot)
{
    return pot->zeros > 0 ? pot->zeros : pot->count;
}

/* How often a record is drawn, out of all_draws. */
static uint64_t draws_of(const struct pot *pot, uint16_t weight)
{
    bool can_be_first = pot->zeros == 0 || weight == 0;
    return weight * heads(pot) + (can_be_first ? 1 : 0);
}

static uint64_t all_draws(const struct pot *pot)
{
    return heads(pot) * (pot->sum + 1);
}

/* The records that are first in line. */
struct line {
    const struct kms_zone_choice *choice;
    size_t count;
    enum kms_zone_clients clients;
    uint16_t priority;
    struct pot pot;
};

static uint16_t weight_for(const struct kms_zone_choice *choice, enum kms_zone_clients clients)
{
    return clients == KMS_ZONE_CLIENTS_UNIFORM ? 0 : choice->weight;
}

static bool is_in_line(const struct line *line, const struct kms_zone_choice *choice)
{
    return choice->usable &&
           (line->clients == KMS_ZONE_CLIENTS_UNIFORM || choice->priority == line->priority);
}

static struct line first_line(const struct kms_zone_choice *choice, size_t count,
                              enum kms_zone_clients clients)
{
    struct line line = {
        .choice = choice, .count = count, .clients = clients, .priority = UINT16_MAX};
    for (size_t i = 0; i < count; i++) {
        if (choice[i].usable && choice[i].priority < line.priority) {
            line.priority = choice[i].priority;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_in_line(&line, &choice[i])) {
            pot_add(&line.pot, weight_for(&choice[i], clients));
        }
    }
    return line;
}

static uint64_t draws(const struct line *line, size_t at)
{
    const struct kms_zone_choice *choice = &line->choice[at];
    return is_in_line(line, choice) ? draws_of(&line->pot, weight_for(choice, line->clients)) : 0;
}

/* The largest remainders get what rounding down left over: the sum is exactly 1000. */
static void round_up(const struct line *line, uint64_t all, uint32_t left, uint32_t *share)
{
    for (; left > 0; left--) {
        size_t best = line->count;
        uint64_t most = 0;
        for (size_t i = 0; i < line->count; i++) {
            uint64_t part = draws(line, i) * 1000;
            if (share[i] == part / all && part % all > most) {
                most = part % all;
                best = i;
            }
        }
        share[best]++;
    }
}

void kms_zone_choice_shares(const struct kms_zone_choice *choice, size_t count,
                            enum kms_zone_clients clients, uint32_t *ret_share)
{
    struct line line = first_line(choice, count, clients);
    uint64_t all = all_draws(&line.pot);
    uint32_t given = 0;
    for (size_t i = 0; i < count; i++) {
        ret_share[i] = all > 0 ? (uint32_t)(draws(&line, i) * 1000 / all) : 0;
        given += ret_share[i];
    }
    if (all > 0) {
        round_up(&line, all, 1000 - given, ret_share);
    }
}

/* ---- how many are tried ---- */

/* Lost records of one weight. */
struct kind {
    uint16_t weight;
    size_t count;
    size_t stride; /* of its count in the number of a state */
};

/* The records of one priority. */
struct group {
    struct pot all;
    struct pot good; /* those that are not lost */
    struct kind kind[KINDS_MAX];
    size_t kind_count; /* one more than fit: too many */
    size_t states;     /* ways to have met some of the lost ones; 0: too many */
};

static void group_add_lost(struct group *group, uint16_t weight)
{
    size_t at = 0;
    if (group->kind_count > KINDS_MAX) {
        return;
    }
    while (at < group->kind_count && group->kind[at].weight != weight) {
        at++;
    }
    if (at == group->kind_count) {
        group->kind_count++;
        if (at == KINDS_MAX) {
            return;
        }
        group->kind[at] = (struct kind){.weight = weight};
    }
    group->kind[at].count++;
}

static void number_states(struct group *group)
{
    group->states = group->kind_count > KINDS_MAX ? 0 : 1;
    for (size_t i = 0; i < group->kind_count && group->states != 0; i++) {
        group->kind[i].stride = group->states;
        group->states *= group->kind[i].count + 1;
        if (group->states > KMS_ZONE_TOLL_STATES) {
            group->states = 0;
        }
    }
}

static size_t met_of(const struct kind *kind, size_t state)
{
    return state / kind->stride % (kind->count + 1);
}

/* What is left to draw from once the lost ones of that state were met. */
static struct pot pot_after(const struct group *group, size_t state)
{
    struct pot pot = group->all;
    for (size_t i = 0; i < group->kind_count; i++) {
        size_t met = met_of(&group->kind[i], state);
        pot.count -= met;
        pot.zeros -= group->kind[i].weight == 0 ? met : 0;
        pot.sum -= (uint64_t)group->kind[i].weight * met;
    }
    return pot;
}

/* Lost records that are met before the first good one: the chances of all states that have met one
 * or more. A step leads to a state of a higher number, so that one pass is enough. */
static double count_met(const struct group *group)
{
    double chance[KMS_ZONE_TOLL_STATES] = {1.0};
    double met = 0;
    for (size_t state = 0; state < group->states; state++) {
        struct pot pot = pot_after(group, state);
        double all = (double)all_draws(&pot);
        met += state > 0 ? chance[state] : 0;
        for (size_t i = 0; i < group->kind_count; i++) {
            const struct kind *kind = &group->kind[i];
            size_t left = kind->count - met_of(kind, state);
            if (left > 0) {
                double part = (double)draws_of(&pot, kind->weight) * (double)left / all;
                chance[state + kind->stride] += chance[state] * part;
            }
        }
    }
    return met;
}

/* Drawing one after the other is a race: each record of weight w comes at the rate w, and at the
 * rate 1 one of weight 0 does. Exact as long as such are left; then that one goes to all others
 * alike, which is taken to remain what it is while all of them are there. */
struct race {
    size_t zeros, lost_zeros;
    double good;   /* weights of those that are not lost */
    double others; /* of a weight above 0 */
    double good_others;
};

/* Of those of weight 0, after so many that were. */
static double next_is_lost(const struct race *race, size_t met)
{
    return (double)(race->lost_zeros - met) / (double)(race->zeros - met);
}

static double zeros_met(const struct race *race)
{
    double met = 0, chance = 1; /* that so many of them come first, all lost */
    for (size_t k = 0; k < race->lost_zeros; k++) {
        chance *= next_is_lost(race, k) / (1 + race->good);
        met += chance;
    }
    return met;
}

/* How often the lost record comes before all good ones. */
static double chance_to_meet(const struct race *race, double weight)
{
    double met = 0, chance = 1;
    double all = 1 + weight + race->good;
    for (size_t k = 0; k < race->zeros && k <= race->lost_zeros; k++) {
        met += chance * weight / all;
        chance *= next_is_lost(race, k) / all;
    }
    double one = weight + 1 / race->others;
    return met + chance * one / (one + race->good + race->good_others / race->others);
}

static double estimate_met(const struct line *line, const struct group *group)
{
    const struct race race = {.zeros = group->all.zeros,
                              .lost_zeros = group->all.zeros - group->good.zeros,
                              .good = (double)group->good.sum,
                              .others = (double)(group->all.count - group->all.zeros),
                              .good_others = (double)(group->good.count - group->good.zeros)};
    double met = zeros_met(&race);
    for (size_t i = 0; i < line->count; i++) {
        const struct kms_zone_choice *choice = &line->choice[i];
        uint16_t weight = weight_for(choice, line->clients);
        if (is_in_line(line, choice) && choice->lost && weight > 0) {
            met += chance_to_meet(&race, weight);
        }
    }
    return met;
}

/* The lowest priority above *priority that has records, or from the lowest on; false: none. */
static bool next_priority(const struct line *line, bool from_start, uint16_t *priority)
{
    bool found = false;
    uint16_t next = 0;
    for (size_t i = 0; i < line->count; i++) {
        uint16_t of = line->choice[i].priority;
        if (line->choice[i].usable && (from_start || of > *priority) && (!found || of < next)) {
            next = of;
            found = true;
        }
    }
    *priority = found ? next : *priority;
    return found;
}

static void gather(const struct line *line, struct group *group)
{
    *group = (struct group){.kind_count = 0};
    for (size_t i = 0; i < line->count; i++) {
        const struct kms_zone_choice *choice = &line->choice[i];
        if (!is_in_line(line, choice)) {
            continue;
        }
        uint16_t weight = weight_for(choice, line->clients);
        pot_add(&group->all, weight);
        if (choice->lost) {
            group_add_lost(group, weight);
        } else {
            pot_add(&group->good, weight);
        }
    }
    number_states(group);
}

static double tries_of(struct line *line, bool *ret_ends)
{
    double tries = 1;
    bool more = next_priority(line, true, &line->priority);
    *ret_ends = false;
    while (more) {
        struct group group;
        gather(line, &group);
        if (group.good.count > 0) {
            *ret_ends = true;
            return tries + (group.states > 0 ? count_met(&group) : estimate_met(line, &group));
        }
        tries += (double)group.all.count;
        more = line->clients == KMS_ZONE_CLIENTS_RFC && next_priority(line, false, &line->priority);
    }
    return 0;
}

struct kms_zone_toll kms_zone_toll_of(const struct kms_zone_choice *choice, size_t count,
                                      enum kms_zone_clients clients)
{
    struct kms_zone_toll toll = {.known = false};
    struct line line = first_line(choice, count, clients);
    uint64_t all = all_draws(&line.pot);
    if (all == 0) {
        return toll;
    }
    uint64_t lost = 0;
    for (size_t i = 0; i < count; i++) {
        lost += choice[i].lost ? draws(&line, i) : 0;
    }
    toll.known = true;
    toll.dead_share = (uint32_t)((lost * 1000 + all / 2) / all);
    double tries = tries_of(&line, &toll.ends);
    toll.tries = (uint32_t)(tries * 1000 + 0.5);
    return toll;
}
