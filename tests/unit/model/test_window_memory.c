/* Request windows when memory runs out: what was there stays, whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/window.h"
#include "unit/scarce.h"

static enum kms_status add(struct kms_window *window, int64_t at_s, uint32_t total)
{
    const struct kms_window_reading reading = {.now = {at_s, at_s}, .total = total};
    return kms_window_add(window, &reading, 86400);
}

static void a_sample_without_room_changes_nothing(void **state)
{
    (void)state;
    struct kms_window window = {0};
    scarce_left(0);
    assert_int_equal(add(&window, 1000, 5), KMS_ENOMEM);
    assert_int_equal(window.count, 0);
    scarce_over();
    for (uint32_t i = 1; i <= KMS_WINDOW_SAMPLES; i++) {
        bool full = window.count == window.cap;
        size_t count = window.count;
        struct kms_window_view before = kms_window_look(&window, 86400);
        scarce_left(0);
        assert_int_equal(add(&window, (int64_t)i * 600, i), full ? KMS_ENOMEM : KMS_OK);
        scarce_over();
        if (full) {
            assert_int_equal(window.count, count);
            assert_int_equal(kms_window_look(&window, 86400).total, before.total);
            assert_int_equal(add(&window, (int64_t)i * 600, i), KMS_OK);
        }
        assert_int_equal(window.count, count + 1);
    }
    kms_window_done(&window);
}

static void a_window_that_cannot_be_read_for_want_of_room_is_none(void **state)
{
    (void)state;
    static const char text[] = "window 1\nwritten 10 20 -\nkey 1 0\nlast 10 20 0 0 0 0\n"
                               "idle 0 0 10 0 0 0\nsample 10 5 0\nend\n";
    const struct kms_now now = {10, 20};
    struct kms_window window = {0}, copy = {0};
    size_t used = 0;
    scarce_left(0);
    assert_int_equal(kms_window_read(text, strlen(text), &now, "", &window, &used, NULL),
                     KMS_ENOMEM);
    scarce_over();
    assert_null(window.sample);
    assert_int_equal(used, 0);
    assert_int_equal(kms_window_read(text, strlen(text), &now, "", &window, &used, NULL), KMS_OK);
    scarce_left(0);
    assert_int_equal(kms_window_copy(&copy, &window), KMS_ENOMEM);
    scarce_over();
    assert_null(copy.sample);
    kms_window_done(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_without_room_changes_nothing),
        cmocka_unit_test(a_window_that_cannot_be_read_for_want_of_room_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
