/* How old a report's facts are, by every mix of evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/age.h"

enum { HOUR = 3600, DAY = 86400 };
#define NOW  INT64_C(1700000000)
#define NOT  INT64_C(-1)
#define ZONE (14 * HOUR)

static void expect(int64_t own_s, int64_t file_s, int64_t best_s, int64_t min_s, int64_t max_s)
{
    const struct kms_age_evidence evidence = {.own_known = own_s != NOT,
                                              .own_s = own_s,
                                              .file_known = file_s != NOT,
                                              .file_s = file_s,
                                              .now_s = NOW};
    struct kms_age age = kms_age_of(&evidence);
    assert_int_equal(age.best_s, best_s);
    assert_int_equal(age.min_s, min_s);
    assert_int_equal(age.max_s, max_s);
}

static void without_evidence_nothing_is_known(void **state)
{
    (void)state;
    expect(NOT, NOT, 0, 0, 0);
}

static void a_file_alone_tells_its_time(void **state)
{
    (void)state;
    expect(NOT, NOW - DAY, NOW - DAY, NOW - DAY, NOW - DAY);
}

static void a_file_of_the_future_is_of_now_or_no_evidence(void **state)
{
    (void)state;
    expect(NOT, NOW + HOUR, NOW, NOW, NOW);
    expect(NOT, NOW + DAY, 0, 0, 0);
}

static void a_report_alone_tells_its_time_within_the_zones(void **state)
{
    (void)state;
    expect(NOW - 10 * DAY, NOT, NOW - 10 * DAY, NOW - 10 * DAY - ZONE, NOW - 10 * DAY + ZONE);
}

static void a_report_east_of_here_is_not_of_the_future(void **state)
{
    (void)state;
    expect(NOW + 9 * HOUR, NOT, NOW, NOW - 5 * HOUR, NOW);
}

static void a_zone_between_report_and_file_makes_the_file_right(void **state)
{
    (void)state;
    expect(NOW - DAY + 2 * HOUR, NOW - DAY, NOW - DAY, NOW - DAY + 2 * HOUR - ZONE, NOW - DAY);
    expect(NOW - DAY - 8 * HOUR, NOW - DAY, NOW - DAY, NOW - DAY - 8 * HOUR - ZONE, NOW - DAY);
    expect(NOW - DAY - ZONE, NOW - DAY, NOW - DAY, NOW - DAY - 2 * ZONE, NOW - DAY);
}

static void a_file_copied_later_does_not_make_the_report_younger(void **state)
{
    (void)state;
    expect(NOW - 4000 * DAY, NOW - HOUR, NOW - 4000 * DAY, NOW - 4000 * DAY - ZONE,
           NOW - 4000 * DAY + ZONE);
    expect(NOW - DAY - ZONE - 1, NOW - DAY, NOW - DAY - ZONE - 1, NOW - DAY - 2 * ZONE - 1,
           NOW - DAY - 1);
}

static void a_report_younger_than_its_file_is_as_old_as_the_file(void **state)
{
    (void)state;
    expect(NOW - 2 * DAY, NOW - 9 * DAY, NOW - 9 * DAY, NOW - 9 * DAY, NOW - 9 * DAY);
}

static void a_time_that_no_zone_explains_is_no_evidence(void **state)
{
    (void)state;
    expect(NOW + 3 * DAY, NOW + 3 * DAY, 0, 0, 0);
    expect(NOW + 3 * DAY, NOT, 0, 0, 0);
    expect(NOW + 3 * DAY, NOW - DAY, NOW - DAY, NOW - DAY, NOW - DAY);
    expect(NOW + HOUR, NOW + HOUR, NOW, NOW + HOUR - ZONE, NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_evidence_nothing_is_known),
        cmocka_unit_test(a_file_alone_tells_its_time),
        cmocka_unit_test(a_file_of_the_future_is_of_now_or_no_evidence),
        cmocka_unit_test(a_report_alone_tells_its_time_within_the_zones),
        cmocka_unit_test(a_report_east_of_here_is_not_of_the_future),
        cmocka_unit_test(a_zone_between_report_and_file_makes_the_file_right),
        cmocka_unit_test(a_file_copied_later_does_not_make_the_report_younger),
        cmocka_unit_test(a_report_younger_than_its_file_is_as_old_as_the_file),
        cmocka_unit_test(a_time_that_no_zone_explains_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
