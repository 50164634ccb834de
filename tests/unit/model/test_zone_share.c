/* What clients choose first and how many records they try: exact cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/zone.h"
#include "model/zone_share.h"

#define MOST 8

struct share_case {
    size_t count;
    struct kms_zone_choice choice[MOST];
    uint32_t share[MOST], uniform[MOST];
};

#define R(priority, weight)               \
    {                                     \
        (priority), (weight), true, false \
    }
#define BAD(priority)               \
    {                               \
        (priority), 9, false, false \
    }
#define DEAD(priority, weight)           \
    {                                    \
        (priority), (weight), true, true \
    }

static const struct share_case cases[] = {
    {1, {R(0, 0)}, {1000}, {1000}},
    /* the 0 goes to the one that stands first: 3.5 and 1.5 of 5 draws */
    {2, {R(0, 3), R(0, 1)}, {700, 300}, {500, 500}},
    {2, {R(0, 75), R(0, 25)}, {748, 252}, {500, 500}},
    /* only the lowest priority is chosen first */
    {3, {R(0, 3), R(0, 1), R(10, 100)}, {700, 300, 0}, {334, 333, 333}},
    {3, {R(5, 0), R(5, 0), R(5, 0)}, {334, 333, 333}, {334, 333, 333}},
    {3, {R(0, 1), R(0, 1), R(0, 4)}, {191, 190, 619}, {334, 333, 333}},
    /* weight 0: one draw out of 100, which nobody else gets */
    {2, {R(0, 99), R(0, 0)}, {990, 10}, {500, 500}},
    {3, {R(0, 49), R(0, 0), R(0, 0)}, {980, 10, 10}, {334, 333, 333}},
    /* what is not usable is never chosen, and its priority counts for nothing */
    {3, {BAD(0), R(1, 1), R(1, 1)}, {0, 500, 500}, {0, 500, 500}},
    {2, {BAD(0), BAD(1)}, {0, 0}, {0, 0}},
    {4,
     {R(0, 65535), R(0, 65535), R(0, 65535), R(0, 65535)},
     {250, 250, 250, 250},
     {250, 250, 250, 250}},
    {0, {R(0, 0)}, {0}, {0}},
};

static void shares_are_those_of_priority_and_weight(void **state)
{
    (void)state;
    for (size_t at = 0; at < KMS_COUNT_OF(cases); at++) {
        const struct share_case *c = &cases[at];
        uint32_t share[MOST] = {0}, uniform[MOST] = {0};
        kms_zone_choice_shares(c->choice, c->count, KMS_ZONE_CLIENTS_RFC, share);
        kms_zone_choice_shares(c->choice, c->count, KMS_ZONE_CLIENTS_UNIFORM, uniform);
        for (size_t i = 0; i < c->count; i++) {
            assert_int_equal(share[i], c->share[i]);
            assert_int_equal(uniform[i], c->uniform[i]);
        }
    }
}

static void shares_of_many_records_still_make_a_thousand(void **state)
{
    (void)state;
    static struct kms_zone_choice choice[KMS_ZONE_RECORDS_MAX];
    static uint32_t share[KMS_ZONE_RECORDS_MAX], uniform[KMS_ZONE_RECORDS_MAX];
    for (size_t i = 0; i < KMS_ZONE_RECORDS_MAX; i++) {
        choice[i].weight = (uint16_t)(i * 127 % 65536);
        choice[i].usable = true;
    }
    for (size_t count = 1; count <= KMS_ZONE_RECORDS_MAX; count += 73) {
        uint32_t sum = 0, sum_uniform = 0;
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_RFC, share);
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_UNIFORM, uniform);
        for (size_t i = 0; i < count; i++) {
            sum += share[i];
            sum_uniform += uniform[i];
        }
        assert_int_equal(sum, 1000);
        assert_int_equal(sum_uniform, 1000);
    }
}

struct toll_case {
    size_t count;
    struct kms_zone_choice choice[MOST];
    struct kms_zone_toll rfc, uniform;
};

static const struct toll_case tolls[] = {
    {0, {R(0, 0)}, {0}, {0}},
    {2, {BAD(0), BAD(1)}, {0}, {0}},
    {1, {R(0, 0)}, {true, 0, true, 1000}, {true, 0, true, 1000}},
    {1, {DEAD(0, 0)}, {true, 1000, false, 0}, {true, 1000, false, 0}},
    {2, {DEAD(0, 0), R(0, 0)}, {true, 500, true, 1500}, {true, 500, true, 1500}},
    /* all meet the dead one, of those who ignore the priority half */
    {2, {DEAD(0, 0), R(9, 0)}, {true, 1000, true, 2000}, {true, 500, true, 1500}},
    {2, {R(0, 0), DEAD(9, 0)}, {true, 0, true, 1000}, {true, 500, true, 1500}},
    {3, {DEAD(0, 5), DEAD(0, 0), R(9, 0)}, {true, 1000, true, 3000}, {true, 667, true, 2000}},
    /* one draw of 100 */
    {2, {R(0, 99), DEAD(0, 0)}, {true, 10, true, 1010}, {true, 500, true, 1500}},
    {2, {DEAD(0, 99), R(0, 0)}, {true, 990, true, 1990}, {true, 500, true, 1500}},
    /* first 2/3 + 2/3 of 7 draws, then half */
    {3, {DEAD(0, 2), DEAD(0, 2), R(0, 2)}, {true, 667, true, 2000}, {true, 667, true, 2000}},
    {2, {BAD(0), R(1, 1)}, {true, 0, true, 1000}, {true, 0, true, 1000}},
};

static void expect_toll(const struct kms_zone_toll *got, const struct kms_zone_toll *wanted)
{
    assert_int_equal(got->known, wanted->known);
    assert_int_equal(got->dead_share, wanted->dead_share);
    assert_int_equal(got->ends, wanted->ends);
    assert_int_equal(got->tries, wanted->tries);
}

static void clients_try_until_a_record_serves_them(void **state)
{
    (void)state;
    for (size_t at = 0; at < KMS_COUNT_OF(tolls); at++) {
        const struct toll_case *c = &tolls[at];
        struct kms_zone_toll rfc = kms_zone_toll_of(c->choice, c->count, KMS_ZONE_CLIENTS_RFC);
        struct kms_zone_toll uniform = kms_zone_toll_of(c->choice, c->count,
                                                        KMS_ZONE_CLIENTS_UNIFORM);
        expect_toll(&rfc, &c->rfc);
        expect_toll(&uniform, &c->uniform);
    }
}

/* Each of its own weight, each dead but the last: as many states as there can never be. */
static void the_longest_list_is_estimated(void **state)
{
    (void)state;
    static struct kms_zone_choice choice[KMS_ZONE_RECORDS_MAX];
    for (size_t i = 0; i < KMS_ZONE_RECORDS_MAX; i++) {
        choice[i] = (struct kms_zone_choice){
            .weight = (uint16_t)(i * 100), .usable = true, .lost = i + 1 < KMS_ZONE_RECORDS_MAX};
    }
    struct kms_zone_toll rfc = kms_zone_toll_of(choice, KMS_ZONE_RECORDS_MAX, KMS_ZONE_CLIENTS_RFC);
    struct kms_zone_toll uniform = kms_zone_toll_of(choice, KMS_ZONE_RECORDS_MAX,
                                                    KMS_ZONE_CLIENTS_UNIFORM);
    /* the sum of i / (i + 511) for i from 1 to 510, and 1 */
    assert_in_range(rfc.tries, 157000, 158500);
    assert_int_equal(rfc.dead_share, 996);
    assert_int_equal(uniform.tries, 256500);
    assert_int_equal(uniform.dead_share, 998);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_priority_and_weight),
        cmocka_unit_test(shares_of_many_records_still_make_a_thousand),
        cmocka_unit_test(clients_try_until_a_record_serves_them),
        cmocka_unit_test(the_longest_list_is_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
