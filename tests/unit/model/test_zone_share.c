/* Shares of clients by priority and weight: exact cases, and the algorithm of RFC 2782 itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/zone.h"

#define MOST 8

struct share_case {
    size_t count;
    struct {
        uint16_t priority, weight;
        const char *flaw;
    } record[MOST];
    uint32_t share[MOST], uniform[MOST];
};

static const struct share_case cases[] = {
    {1, {{0, 0, NULL}}, {1000}, {1000}},
    {2, {{0, 3, NULL}, {0, 1, NULL}}, {750, 250}, {500, 500}},
    /* only the lowest priority is chosen first */
    {3, {{0, 3, NULL}, {0, 1, NULL}, {10, 100, NULL}}, {750, 250, 0}, {334, 333, 333}},
    {3, {{5, 0, NULL}, {5, 0, NULL}, {5, 0, NULL}}, {334, 333, 333}, {334, 333, 333}},
    {3, {{0, 1, NULL}, {0, 1, NULL}, {0, 4, NULL}}, {167, 167, 666}, {334, 333, 333}},
    /* weight 0: one draw out of 100 */
    {2, {{0, 99, NULL}, {0, 0, NULL}}, {990, 10}, {500, 500}},
    {3, {{0, 49, NULL}, {0, 0, NULL}, {0, 0, NULL}}, {980, 10, 10}, {334, 333, 333}},
    /* a flaw is never chosen, and its priority counts for nothing */
    {3, {{0, 9, "port 0"}, {1, 1, NULL}, {1, 1, NULL}}, {0, 500, 500}, {0, 500, 500}},
    {2, {{0, 9, "port 0"}, {1, 1, "port 0"}}, {0, 0}, {0, 0}},
    {4,
     {{0, 65535, NULL}, {0, 65535, NULL}, {0, 65535, NULL}, {0, 65535, NULL}},
     {250, 250, 250, 250},
     {250, 250, 250, 250}},
    {0, {{0, 0, NULL}}, {0}, {0}},
};

static size_t records_of(const struct share_case *c, struct kms_zone_record *record,
                         const struct kms_zone_record **list)
{
    for (size_t i = 0; i < c->count; i++) {
        record[i] = (struct kms_zone_record){.priority = c->record[i].priority,
                                             .weight = c->record[i].weight,
                                             .flaw = c->record[i].flaw};
        list[i] = &record[i];
    }
    return c->count;
}

static void shares_are_those_of_priority_and_weight(void **state)
{
    (void)state;
    for (size_t at = 0; at < KMS_COUNT_OF(cases); at++) {
        struct kms_zone_record record[MOST];
        const struct kms_zone_record *list[MOST];
        uint32_t share[MOST] = {0}, uniform[MOST] = {0};
        size_t count = records_of(&cases[at], record, list);
        kms_zone_shares(list, count, share, uniform);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(share[i], cases[at].share[i]);
            assert_int_equal(uniform[i], cases[at].uniform[i]);
        }
    }
}

static void shares_of_many_records_still_make_a_thousand(void **state)
{
    (void)state;
    static struct kms_zone_record record[KMS_ZONE_RECORDS_MAX];
    static const struct kms_zone_record *list[KMS_ZONE_RECORDS_MAX];
    static uint32_t share[KMS_ZONE_RECORDS_MAX], uniform[KMS_ZONE_RECORDS_MAX];
    for (size_t i = 0; i < KMS_ZONE_RECORDS_MAX; i++) {
        record[i].weight = (uint16_t)(i * 127 % 65536);
        list[i] = &record[i];
    }
    for (size_t count = 1; count <= KMS_ZONE_RECORDS_MAX; count += 73) {
        uint32_t sum = 0, sum_uniform = 0;
        kms_zone_shares(list, count, share, uniform);
        for (size_t i = 0; i < count; i++) {
            sum += share[i];
            sum_uniform += uniform[i];
        }
        assert_int_equal(sum, 1000);
        assert_int_equal(sum_uniform, 1000);
    }
}

/* The choice of RFC 2782 by every number it can draw, zeros first in every rotation: how often each
 * record comes first, out of how many draws. */
static uint64_t choose_all(const uint16_t *weight, size_t count, uint64_t *ret_chosen)
{
    uint64_t draws = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += weight[i];
    }
    for (size_t turn = 0; turn < count; turn++) {
        for (uint64_t number = 0; number <= sum; number++) {
            uint64_t running = 0;
            bool is_chosen = false;
            for (int pass = 0; pass < 2 && !is_chosen; pass++) {
                for (size_t k = 0; k < count && !is_chosen; k++) {
                    size_t i = (k + turn) % count;
                    if ((weight[i] == 0) != (pass == 0)) {
                        continue;
                    }
                    running += weight[i];
                    if (running >= number) {
                        ret_chosen[i]++;
                        is_chosen = true;
                    }
                }
            }
            draws++;
        }
    }
    return draws;
}

/* Off by no more than rounding. */
static bool is_near(uint64_t chosen, uint64_t share, uint64_t draws)
{
    uint64_t exact = chosen * 1000, shown = share * draws;
    return (exact > shown ? exact - shown : shown - exact) <= draws;
}

static void shares_with_weight_zero_are_those_of_the_rfc_algorithm(void **state)
{
    (void)state;
    static const uint16_t weights[][4] = {{30, 20, 0, 9}, {5, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 2, 3}};
    for (size_t at = 0; at < KMS_COUNT_OF(weights); at++) {
        struct kms_zone_record record[4];
        const struct kms_zone_record *list[4];
        uint64_t chosen[4] = {0};
        uint32_t share[4], uniform[4];
        for (size_t i = 0; i < 4; i++) {
            record[i] = (struct kms_zone_record){.weight = weights[at][i]};
            list[i] = &record[i];
        }
        uint64_t draws = choose_all(weights[at], 4, chosen);
        kms_zone_shares(list, 4, share, uniform);
        uint64_t zeros_chosen = 0, zeros_share = 0;
        for (size_t i = 0; i < 4; i++) {
            /* which of the zeros stands first is nobody's choice: they are compared together */
            zeros_chosen += weights[at][i] == 0 ? chosen[i] : 0;
            zeros_share += weights[at][i] == 0 ? share[i] : 0;
            if (weights[at][i] > 0) {
                assert_true(is_near(chosen[i], share[i], draws));
            }
        }
        assert_true(is_near(zeros_chosen, zeros_share, draws));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_priority_and_weight),
        cmocka_unit_test(shares_of_many_records_still_make_a_thousand),
        cmocka_unit_test(shares_with_weight_zero_are_those_of_the_rfc_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
