/* What the formulas say of clients is what 100 000 clients do that choose as RFC 2782 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/model/clients.h"

#define CLIENTS 100000
#define SEED    UINT64_C(2782)
#define OFF     11 /* per mille: one percentage point, and the rounding of a share */

static void print_set(const struct kms_zone_choice *choice, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("  priority %u, weight %u%s%s\n", choice[i].priority, choice[i].weight,
                      choice[i].lost ? ", lost" : "", choice[i].usable ? "" : ", not usable");
    }
}

static bool is_near(uint64_t a, uint64_t b, uint64_t off)
{
    return (a > b ? a - b : b - a) <= off;
}

static void expect_near(const char *what, uint64_t formula, uint64_t simulated, uint64_t off,
                        const struct kms_zone_choice *choice, size_t count)
{
    if (!is_near(formula, simulated, off)) {
        print_set(choice, count);
        fail_msg("%s: %llu by formula, %llu by simulation", what, (unsigned long long)formula,
                 (unsigned long long)simulated);
    }
}

static void compare_kind(const struct kms_zone_choice *choice, size_t count,
                         enum kms_zone_clients kind, uint64_t *seed)
{
    struct clients_tally tally;
    uint32_t share[CLIENTS_RECORDS_MAX] = {0};
    clients_run(choice, count, kind, CLIENTS, seed, &tally);
    kms_zone_choice_shares(choice, count, kind, share);
    struct kms_zone_toll toll = kms_zone_toll_of(choice, count, kind);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || choice[i].usable;
        expect_near("share", share[i], tally.first[i] * 1000 / CLIENTS, OFF, choice, count);
    }
    assert_int_equal(toll.known, any);
    if (any) {
        expect_near("dead share", toll.dead_share, tally.dead_first * 1000 / CLIENTS, OFF, choice,
                    count);
    }
    assert_int_equal(toll.ends, tally.served > 0);
    if (toll.ends) {
        assert_int_equal(tally.served, CLIENTS);
        uint64_t tries = tally.tries * 1000 / CLIENTS;
        expect_near("tries", toll.tries, tries, tries / 100, choice, count);
    }
}

static void compare(const struct kms_zone_choice *choice, size_t count, uint64_t *seed)
{
    compare_kind(choice, count, KMS_ZONE_CLIENTS_RFC, seed);
    compare_kind(choice, count, KMS_ZONE_CLIENTS_UNIFORM, seed);
}

/* Weights of one set are of one sort. */
static uint16_t weight_of_sort(unsigned sort, uint64_t *seed)
{
    switch (sort) {
    case 0:
        return 0;
    case 1:
        return (uint16_t)clients_luck(seed, 4);
    case 2:
        return (uint16_t)(clients_luck(seed, 2) * 50);
    case 3:
        return (uint16_t)clients_luck(seed, 101);
    case 4:
        return (uint16_t)(65535 - clients_luck(seed, 3000));
    case 5:
        return (uint16_t)(clients_luck(seed, 3) * 32767);
    case 6:
        return (uint16_t)(1 + clients_luck(seed, 3));
    default:
        return (uint16_t)clients_luck(seed, 65536);
    }
}
#define SORTS 8

static void fill(struct kms_zone_choice *choice, size_t count, unsigned sort, uint64_t *seed)
{
    uint64_t priorities = 1 + clients_luck(seed, 3), lost = clients_luck(seed, 101);
    for (size_t i = 0; i < count; i++) {
        choice[i] = (struct kms_zone_choice){
            .priority = (uint16_t)(clients_luck(seed, priorities) * 32767),
            .weight = weight_of_sort(sort, seed),
            .usable = clients_luck(seed, 16) != 0,
            .lost = clients_luck(seed, 100) < lost};
    }
}

static void formulas_are_what_clients_do_for_sets_of_all_sorts(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    struct kms_zone_choice choice[CLIENTS_RECORDS_MAX];
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned sort = 0; sort < SORTS; sort++) {
            size_t count = 1 + (size_t)clients_luck(&seed, 6);
            fill(choice, count, sort, &seed);
            compare(choice, count, &seed);
        }
    }
}

static void formulas_are_what_clients_do_for_long_lists(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    struct kms_zone_choice choice[CLIENTS_RECORDS_MAX];
    for (unsigned sort = 0; sort < SORTS; sort++) {
        size_t count = 14 + (size_t)clients_luck(&seed, 10);
        fill(choice, count, sort, &seed);
        compare(choice, count, &seed);
    }
}

/* So many kinds of lost records that the number of tries is estimated. */
static void estimates_of_long_dead_lists_are_near_what_clients_do(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    struct kms_zone_choice choice[CLIENTS_RECORDS_MAX];
    static const size_t zeros[][2] = {{0, 0}, {1, 0}, {3, 0}, {0, 1}, {4, 1}}; /* lost, good */
    for (size_t at = 0; at < sizeof zeros / sizeof zeros[0]; at++) {
        for (uint16_t good = 1; good <= 40; good = (uint16_t)(good * 6)) {
            size_t count = 0;
            for (uint16_t weight = 1; weight <= 12; weight++) {
                choice[count++] = (struct kms_zone_choice){
                    .weight = weight, .usable = true, .lost = true};
            }
            for (size_t i = 0; i < zeros[at][0] + zeros[at][1]; i++) {
                choice[count++] = (struct kms_zone_choice){.usable = true,
                                                           .lost = i < zeros[at][0]};
            }
            choice[count++] = (struct kms_zone_choice){.weight = good, .usable = true};
            compare(choice, count, &seed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas_are_what_clients_do_for_sets_of_all_sorts),
        cmocka_unit_test(formulas_are_what_clients_do_for_long_lists),
        cmocka_unit_test(estimates_of_long_dead_lists_are_near_what_clients_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
