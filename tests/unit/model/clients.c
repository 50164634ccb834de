/* The ordering of RFC 2782 word by word: arrange, sum up, draw, take out, again. */
#include "unit/model/clients.h"

#include <stdlib.h>

/* What is not ordered yet, in the order of the answer. */
struct deck {
    size_t record[CLIENTS_RECORDS_MAX];
    size_t count;
};

uint64_t clients_luck(uint64_t *seed, uint64_t bound)
{
    uint64_t mixed = *seed += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) % bound;
}

static void shuffle(struct deck *deck, uint64_t *seed)
{
    for (size_t i = deck->count; i > 1; i--) {
        size_t other = (size_t)clients_luck(seed, i);
        size_t record = deck->record[i - 1];
        deck->record[i - 1] = deck->record[other];
        deck->record[other] = record;
    }
}

static size_t take_out(struct deck *deck, size_t at)
{
    size_t record = deck->record[at];
    deck->count--;
    for (; at < deck->count; at++) {
        deck->record[at] = deck->record[at + 1];
    }
    return record;
}

/* "all those with weight 0 are placed at the beginning of the list" */
static void zeros_first(const struct kms_zone_choice *choice, struct deck *deck)
{
    struct deck arranged = {.count = 0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < deck->count; i++) {
            if ((choice[deck->record[i]].weight == 0) == (pass == 0)) {
                arranged.record[arranged.count++] = deck->record[i];
            }
        }
    }
    *deck = arranged;
}

/* "the RR whose running sum value is the first in the selected order which is greater than or equal
 * to the random number selected" */
static size_t draw(const struct kms_zone_choice *choice, struct deck *deck, uint64_t *seed)
{
    uint64_t sum = 0, running = 0;
    zeros_first(choice, deck);
    for (size_t i = 0; i < deck->count; i++) {
        sum += choice[deck->record[i]].weight;
    }
    uint64_t number = clients_luck(seed, sum + 1);
    size_t at = 0;
    for (; at + 1 < deck->count; at++) {
        running += choice[deck->record[at]].weight;
        if (running >= number) {
            break;
        }
    }
    return take_out(deck, at);
}

/* Takes the records of the lowest priority out of those that are left. */
static struct deck lowest(const struct kms_zone_choice *choice, struct deck *all)
{
    struct deck chosen = {.count = 0}, rest = {.count = 0};
    uint16_t priority = UINT16_MAX;
    for (size_t i = 0; i < all->count; i++) {
        uint16_t of = choice[all->record[i]].priority;
        priority = of < priority ? of : priority;
    }
    for (size_t i = 0; i < all->count; i++) {
        bool is_lowest = choice[all->record[i]].priority == priority;
        struct deck *to = is_lowest ? &chosen : &rest;
        to->record[to->count++] = all->record[i];
    }
    *all = rest;
    return chosen;
}

static void run_one(const struct kms_zone_choice *choice, const struct deck *usable,
                    enum kms_zone_clients kind, uint64_t *seed, struct clients_tally *tally)
{
    struct deck all = *usable, same = {.count = 0};
    shuffle(&all, seed);
    uint64_t tried = 0;
    while (all.count + same.count > 0) {
        size_t record;
        if (kind == KMS_ZONE_CLIENTS_UNIFORM) {
            record = take_out(&all, all.count - 1);
        } else {
            same = same.count > 0 ? same : lowest(choice, &all);
            record = draw(choice, &same, seed);
            shuffle(&same, seed); /* "in any order" */
        }
        tally->first[record] += tried == 0 ? 1 : 0;
        tally->dead_first += tried == 0 && choice[record].lost ? 1 : 0;
        tried++;
        if (!choice[record].lost) {
            tally->served++;
            tally->tries += tried;
            return;
        }
    }
}

void clients_run(const struct kms_zone_choice *choice, size_t count, enum kms_zone_clients kind,
                 uint64_t clients, uint64_t *seed, struct clients_tally *ret)
{
    struct deck usable = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        if (choice[i].usable) {
            usable.record[usable.count++] = i;
        }
    }
    *ret = (struct clients_tally){.clients = clients};
    for (uint64_t i = 0; i < clients; i++) {
        run_one(choice, &usable, kind, seed, ret);
    }
}
