/* Windows over request counters: retries, resets, edges and long histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/window.h"

#define HOUR 3600

static void add(struct kms_window *window, int64_t at_s, uint64_t fingerprint, uint32_t total,
                uint32_t failed)
{
    struct kms_window_sample sample = {at_s, fingerprint, total, failed};
    kms_window_add(window, &sample, HOUR);
}

static void one_sample_says_nothing(void **state)
{
    (void)state;
    struct kms_window window = {0};
    assert_false(kms_window_look(&window, HOUR).known);
    add(&window, 1000, 1, 20, 0);
    assert_false(kms_window_look(&window, HOUR).known);
    assert_false(kms_window_look(NULL, HOUR).known);
}

static void a_retry_does_not_consume_the_evidence(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 1000, 1, 20, 0);
    add(&window, 1600, 2, 30, 5);
    struct kms_window_view first = kms_window_look(&window, HOUR);
    add(&window, 1600, 2, 30, 5);
    add(&window, 1660, 2, 30, 5); /* read again, unchanged: the same content is no new sample */
    struct kms_window_view second = kms_window_look(&window, HOUR);
    assert_int_equal(window.count, 2);
    assert_int_equal(first.failed, 5);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(first.failed_per_hour, 30);
    assert_int_equal(first.failed_permille, 500);
}

static void a_reset_starts_the_window_again(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 1000, 1, 500, 50);
    add(&window, 2000, 2, 510, 50);
    add(&window, 3000, 3, 4, 1);
    assert_int_equal(window.count, 1);
    assert_int_equal(window.discontinuity_s, 3000);
    assert_false(kms_window_look(&window, HOUR).known);
    add(&window, 3600, 4, 10, 2);
    assert_int_equal(kms_window_look(&window, HOUR).total, 6);
    assert_int_equal(kms_window_look(&window, HOUR).failed, 1);
}

static void what_is_older_than_the_window_is_left_behind(void **state)
{
    (void)state;
    struct kms_window window = {0};
    for (uint32_t i = 0; i < 20; i++) {
        add(&window, 1000 + (int64_t)i * 600, i + 1, i * 10, i);
    }
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, HOUR);
    assert_int_equal(view.total, 60);
    assert_int_equal(view.failed, 6);
    assert_true(window.count <= 8);
}

static void nothing_inside_the_window_is_forgotten_when_one_more_report_comes(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 36000, 1, 100, 0);
    add(&window, 36000 + 3630, 2, 200, 100);
    assert_int_equal(kms_window_look(&window, HOUR).failed, 100);
    add(&window, 36000 + 3690, 3, 201, 100);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.failed, 100);
    assert_int_equal(view.total, 101);
    add(&window, 36000 + 3630 + 3600, 4, 202, 100);
    view = kms_window_look(&window, HOUR); /* now the failures lie behind the edge */
    assert_int_equal(view.failed, 0);
    assert_int_equal(view.total, 2);
}

static void a_daily_report_is_compared_with_the_one_before(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 86400, 1, 100, 0);
    add(&window, 2 * 86400, 2, 160, 3);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_true(view.known);
    assert_int_equal(view.span_s, 86400);
    assert_int_equal(view.total, 60);
    assert_int_equal(view.failed, 3);
}

static void many_samples_thin_out_but_keep_both_ends(void **state)
{
    (void)state;
    struct kms_window window = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        add(&window, 1000 + i, i + 1, i, 0);
    }
    assert_true(window.count <= KMS_WINDOW_SAMPLES);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, 999);
    assert_int_equal(view.total, 999);
    for (size_t i = 1; i < window.count; i++) {
        assert_true(window.sample[i].at_s > window.sample[i - 1].at_s);
    }
}

static void a_sample_from_the_past_is_ignored(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 2000, 1, 10, 0);
    add(&window, 1000, 2, 5, 0); /* an older report was put back: no reset, no sample */
    assert_int_equal(window.count, 1);
    assert_int_equal(window.discontinuity_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_says_nothing),
        cmocka_unit_test(a_retry_does_not_consume_the_evidence),
        cmocka_unit_test(a_reset_starts_the_window_again),
        cmocka_unit_test(what_is_older_than_the_window_is_left_behind),
        cmocka_unit_test(nothing_inside_the_window_is_forgotten_when_one_more_report_comes),
        cmocka_unit_test(a_daily_report_is_compared_with_the_one_before),
        cmocka_unit_test(many_samples_thin_out_but_keep_both_ends),
        cmocka_unit_test(a_sample_from_the_past_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
