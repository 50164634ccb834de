/* Windows over request counters: retries, resets, edges and long histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "model/window.h"

#define HOUR INT64_C(3600)
#define DAY  INT64_C(86400)

/* A report that is read as soon as it is written. */
static void add(struct kms_window *window, int64_t at_s, uint64_t fingerprint, uint32_t total,
                uint32_t failed)
{
    const struct kms_window_reading reading = {.now = {at_s, at_s},
                                               .data_s = at_s,
                                               .fingerprint = fingerprint,
                                               .total = total,
                                               .failed = failed};
    assert_int_equal(kms_window_add(window, &reading, HOUR), KMS_OK);
}

/* Asked just now; the wall clock says what it likes. */
static void live(struct kms_window *window, int64_t steady_s, int64_t wall_s, uint32_t total)
{
    const struct kms_window_reading reading = {.now = {steady_s, wall_s}, .total = total};
    assert_int_equal(kms_window_add(window, &reading, HOUR), KMS_OK);
}

static void report(struct kms_window *window, int64_t steady_s, int64_t wall_s, int64_t data_s,
                   uint32_t total)
{
    const struct kms_window_reading reading = {.now = {steady_s, wall_s},
                                               .data_s = data_s,
                                               .fingerprint = (uint64_t)data_s * 31 + total,
                                               .total = total};
    assert_int_equal(kms_window_add(window, &reading, HOUR), KMS_OK);
}

static void one_sample_says_nothing(void **state)
{
    (void)state;
    struct kms_window window = {0};
    assert_false(kms_window_look(&window, HOUR).known);
    add(&window, 1000, 1, 20, 0);
    assert_false(kms_window_look(&window, HOUR).known);
    assert_false(kms_window_look(NULL, HOUR).known);
    kms_window_done(&window);
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
    assert_int_equal(second.failed, first.failed);
    assert_int_equal(second.span_s, first.span_s);
    assert_int_equal(first.failed_per_hour, 30);
    assert_int_equal(first.failed_permille, 500);
    kms_window_done(&window);
}

static void by_file(struct kms_window *window, int64_t steady_s, int64_t data_s, uint32_t total)
{
    const struct kms_window_reading reading = {.now = {steady_s, steady_s},
                                               .data_s = data_s,
                                               .fingerprint = 7,
                                               .by_file = true,
                                               .total = total,
                                               .failed = total / 2};
    assert_int_equal(kms_window_add(window, &reading, HOUR), KMS_OK);
}

static void the_same_text_in_a_newer_file_is_a_sample(void **state)
{
    (void)state;
    struct kms_window window = {0};
    struct kms_window_idle idle;
    by_file(&window, 1000, 1000, 20);
    by_file(&window, 1300, 1300, 30);
    for (int64_t at_s = 1600; at_s <= 1300 + 2 * HOUR; at_s += 300) {
        by_file(&window, at_s, at_s, 30);
        by_file(&window, at_s + 60, at_s, 30); /* read again */
    }
    assert_true(kms_window_idle(&window, &idle));
    assert_true(idle.grown);
    assert_int_equal(idle.idle_s, 2 * HOUR);
    assert_int_equal(kms_window_look(&window, HOUR).failed, 0);
    kms_window_done(&window);
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
    kms_window_done(&window);
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
    kms_window_done(&window);
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
    kms_window_done(&window);
}

static void a_daily_report_is_compared_with_the_one_before(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 86400, 1, 100, 0);
    add(&window, 2 * DAY, 2, 160, 3);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_true(view.known);
    assert_int_equal(view.span_s, 86400);
    assert_int_equal(view.total, 60);
    assert_int_equal(view.failed, 3);
    kms_window_done(&window);
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
    kms_window_done(&window);
}

static void a_sample_from_the_past_is_ignored(void **state)
{
    (void)state;
    struct kms_window window = {0};
    add(&window, 2000, 1, 10, 0);
    add(&window, 1000, 2, 5, 0); /* an older report was put back: no reset, no sample */
    assert_int_equal(window.count, 1);
    assert_int_equal(window.discontinuity_s, 0);
    kms_window_done(&window);
}

/* ---- clocks ---- */

static void a_wall_clock_that_is_set_moves_no_sample(void **state)
{
    (void)state;
    static const int64_t jumps[] = {
        1, -1, HOUR, -HOUR, 10 * INT64_C(31536000), -10 * INT64_C(31536000)};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct kms_window window = {0};
        live(&window, 1000, 1700000000, 100);
        live(&window, 1300, 1700000300 + jumps[i], 130);
        live(&window, 1600, 1700000600, 160);
        struct kms_window_view view = kms_window_look(&window, HOUR);
        assert_int_equal(view.span_s, 600);
        assert_int_equal(view.total_per_hour, 360);
        kms_window_done(&window);
    }
}

static void a_report_from_a_clock_that_is_set_is_timed_by_its_arrival(void **state)
{
    (void)state;
    const int64_t wall = 1700000000;
    static const int64_t jumps[] = {2 * HOUR, 10 * INT64_C(31536000), -10 * INT64_C(31536000)};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct kms_window window = {0};
        report(&window, 1000, wall, wall, 100);
        report(&window, 1000 + HOUR, wall + HOUR, wall + HOUR, 200);
        report(&window, 1000 + 2 * HOUR, wall + 2 * HOUR, wall + 2 * HOUR + jumps[i], 300);
        struct kms_window_view view = kms_window_look(&window, HOUR);
        assert_int_equal(view.span_s, HOUR);
        assert_int_equal(view.total, 100);
        report(&window, 1000 + 3 * HOUR, wall + 3 * HOUR, wall + 3 * HOUR + jumps[i], 400);
        view = kms_window_look(&window, HOUR);
        assert_int_equal(view.span_s, HOUR);
        assert_int_equal(view.total, 100);
        report(&window, 1000 + 4 * HOUR, wall + 4 * HOUR, wall + 4 * HOUR, 500);
        view = kms_window_look(&window, HOUR);
        assert_int_equal(view.span_s, HOUR);
        assert_int_equal(view.total, 100);
        assert_int_equal(window.discontinuity_s, 0);
        kms_window_done(&window);
    }
}

/* It cannot be told from a clock that was set back and right again: then the rate is too low, once.
 */
static void a_report_that_was_late_does_not_make_the_next_one_early(void **state)
{
    (void)state;
    const int64_t wall = 1700000000;
    struct kms_window window = {0};
    report(&window, 1000, wall, wall, 100);
    report(&window, 1000 + 42 * HOUR, wall + 42 * HOUR, wall + 24 * HOUR, 200); /* 18 h late */
    assert_int_equal(kms_window_look(&window, HOUR).span_s, 42 * HOUR);
    report(&window, 1000 + 48 * HOUR, wall + 48 * HOUR, wall + 48 * HOUR, 300);
    assert_int_equal(kms_window_look(&window, HOUR).span_s, 24 * HOUR);
    assert_int_equal(kms_window_look(&window, HOUR).total, 100);
    kms_window_done(&window);
}

static void a_clock_that_is_right_at_last_knows_how_old_a_report_was(void **state)
{
    (void)state;
    const int64_t wall = 1700000000;
    struct kms_window window = {0};
    report(&window, 10, 20, wall - 80000, 100); /* no time service yet: 1970 */
    report(&window, 610, wall, wall, 200);
    assert_int_equal(kms_window_look(&window, HOUR).span_s, 80000);
    kms_window_done(&window);
}

static void old_reports_that_come_at_once_lie_as_far_apart_as_they_say(void **state)
{
    (void)state;
    struct kms_window window = {0};
    report(&window, 1000, 1700000000, 1300000000, 100);
    report(&window, 1005, 1700000005, 1300000000 + HOUR, 160);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, HOUR);
    assert_int_equal(view.total_per_hour, 60);
    kms_window_done(&window);
}

static void
a_host_that_counts_again_and_whose_clock_was_set_back_is_found_by_its_second_report(void **state)
{
    (void)state;
    const int64_t wall = 1700000000;
    struct kms_window window = {0};
    report(&window, 1000, wall, wall, 500);
    report(&window, 2000, wall + 1000, wall - 90000, 3);
    report(&window, 2100, wall + 1100, wall - 90000, 3); /* unchanged */
    assert_int_equal(window.discontinuity_s, 0);
    report(&window, 3000, wall + 2000, wall - 89000, 5);
    assert_int_equal(window.discontinuity_s, wall - 89000);
    report(&window, 4000, wall + 3000, wall - 88000, 9);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, 1000);
    assert_int_equal(view.total, 4);
    kms_window_done(&window);
}

/* ---- 2^32 and what no host is capable of ---- */

static void a_counter_that_runs_over_is_no_reset(void **state)
{
    (void)state;
    struct kms_window window = {0};
    live(&window, 1000, 1700000000, UINT32_MAX - 50);
    live(&window, 1300, 1700000300, 49);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(window.discontinuity_s, 0);
    assert_int_equal(view.total, 100);
    assert_int_equal(view.total_per_hour, 1200);
    kms_window_done(&window);
}

static void a_fall_that_no_host_can_have_run_over_is_a_reset(void **state)
{
    (void)state;
    static const struct {
        uint32_t was, is;
        int64_t span_s;
        bool reset;
    } cases[] = {
        {500, 499, 60, true},
        {UINT32_MAX, 0, 60, false},
        {UINT32_MAX - KMS_WINDOW_BURST, 0, 60, false},
        {UINT32_MAX - 200000, 0, 60, true}, /* more than it can have been asked in a minute */
        {UINT32_MAX - 200000, 0, HOUR, false},
        {UINT32_MAX - (KMS_WINDOW_WRAP_MAX + 1), 5, 365 * DAY, true}, /* however long it took */
        {UINT32_MAX / 2, 5, 365 * DAY, true},
        {100, 100 + KMS_WINDOW_BURST + 60 * KMS_WINDOW_PER_S, 60, false},
        {100, 101 + KMS_WINDOW_BURST + 60 * KMS_WINDOW_PER_S, 60, true}, /* other counters */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kms_window window = {0};
        live(&window, 1000, 1700000000, cases[i].was);
        live(&window, 1000 + cases[i].span_s, 1700000000 + cases[i].span_s, cases[i].is);
        bool reset = window.discontinuity_s == 1700000000 + cases[i].span_s;
        if (reset != cases[i].reset || window.count != (reset ? 1 : 2)) {
            fail_msg("case %zu", i);
        }
        kms_window_done(&window);
    }
}

/* ---- idle time ---- */

static void idle_time_is_not_known_before_a_client_was_counted(void **state)
{
    (void)state;
    struct kms_window window = {0};
    struct kms_window_idle idle;
    assert_false(kms_window_idle(&window, &idle));
    live(&window, 1000, 1700000000, 100);
    live(&window, 4000, 1700003000, 100);
    assert_true(kms_window_idle(&window, &idle));
    assert_false(idle.grown);
    assert_int_equal(idle.watched_s, 3000);
    live(&window, 5000, 1700004000, 101);
    assert_true(kms_window_idle(&window, &idle));
    assert_true(idle.grown);
    assert_int_equal(idle.idle_s, 0);
    for (int64_t i = 1; i <= 200; i++) {
        live(&window, 5000 + i * 600, 1700004000, 101);
    }
    assert_true(kms_window_idle(&window, &idle));
    assert_int_equal(idle.idle_s, 200 * 600);
    kms_window_done(&window);
}

static void a_request_of_our_own_is_no_client(void **state)
{
    (void)state;
    struct kms_window window = {0};
    struct kms_window_idle idle;
    struct kms_now now = {1100, 1700000100};
    live(&window, 1000, 1700000000, 100);
    kms_window_own(&window, &now, 1699999000); /* it is in the first sample */
    kms_window_own(&window, &now, 1700000050);
    kms_window_own(&window, &now, 1700000050);
    live(&window, 1200, 1700000200, 101);
    assert_true(kms_window_idle(&window, &idle));
    assert_false(idle.grown);
    live(&window, 1300, 1700000300, 102); /* one of ours explains one */
    assert_true(kms_window_idle(&window, &idle));
    assert_true(idle.grown);
    now = (struct kms_now){1350, 1700000350};
    kms_window_own(&window, &now, 1700000340);
    live(&window, 1400, 1700000400, 102); /* the host did not count it */
    live(&window, 1500, 1700000500, 102);
    assert_true(kms_window_idle(&window, &idle));
    assert_int_equal(idle.idle_s, 200);
    live(&window, 1600, 1700000600, 103);
    assert_true(kms_window_idle(&window, &idle));
    assert_int_equal(idle.idle_s, 0);
    kms_window_own(&window, &(struct kms_now){1650, 1700000650}, 1700000650);
    live(&window, 1700, 1700000700, 105); /* ours and another */
    assert_true(kms_window_idle(&window, &idle));
    assert_int_equal(idle.idle_s, 0);
    kms_window_done(&window);
}

/* ---- text ---- */

static void through_text(struct kms_window *window, const struct kms_now *then, const char *boot,
                         const struct kms_now *now, const char *boot_now)
{
    struct kms_buf buf;
    struct kms_window back = {0};
    struct kms_fault fault;
    size_t used;
    kms_buf_init(&buf, KMS_WINDOW_TEXT_LIMIT);
    assert_int_equal(kms_window_write(window, then, boot, &buf), KMS_OK);
    enum kms_status status = kms_window_read(kms_buf_str(&buf), buf.len, now, boot_now, &back,
                                             &used, &fault);
    if (status != KMS_OK) {
        fail_msg("line %zu: %s\n%s", fault.offset, fault.text, kms_buf_str(&buf));
    }
    assert_int_equal(used, buf.len);
    kms_buf_done(&buf);
    kms_window_done(window);
    *window = back;
}

static void a_restart_keeps_window_and_idle_time(void **state)
{
    (void)state;
    struct kms_window window = {0};
    struct kms_window_idle idle;
    live(&window, 1000, 1700000000, 100);
    live(&window, 1600, 1700000600, 160);
    live(&window, 2200, 1700001200, 160);
    window.discontinuity_s = 1600000000;
    /* the same start of the machine, but the wall clock was set back by a day */
    through_text(&window, &(struct kms_now){2200, 1700001200}, "b1",
                 &(struct kms_now){2700, 1700001700 - 86400}, "b1");
    live(&window, 2800, 1700001800, 220);
    struct kms_window_view view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, 1800);
    assert_int_equal(view.total, 120);
    assert_int_equal(window.discontinuity_s, 1600000000);
    /* another start of the machine: the wall clock tells how long it was away */
    through_text(&window, &(struct kms_now){2800, 1700001800}, "b1",
                 &(struct kms_now){30, 1700003570}, "b2");
    live(&window, 60, 1700003600, 220);
    view = kms_window_look(&window, HOUR);
    assert_int_equal(view.span_s, 3600);
    assert_int_equal(view.total, 120);
    assert_true(kms_window_idle(&window, &idle));
    assert_int_equal(idle.idle_s, 1800);
    kms_window_done(&window);
}

static void a_clock_that_ran_back_while_the_machine_was_off_starts_the_window_again(void **state)
{
    (void)state;
    static const int64_t jumps[] = {-HOUR, 40 * DAY};
    for (size_t i = 0; i < 2; i++) {
        struct kms_window window = {0};
        struct kms_window_idle idle;
        live(&window, 1000, 1700000000, 100);
        live(&window, 1600, 1700000600, 160);
        through_text(&window, &(struct kms_now){1600, 1700000600}, "b1",
                     &(struct kms_now){30, 1700000600 + jumps[i]}, "b2");
        live(&window, 40, 1700000610 + jumps[i], 5000);
        assert_int_equal(window.count, 1);
        assert_int_equal(window.discontinuity_s, 0);
        assert_true(kms_window_idle(&window, &idle));
        assert_false(idle.grown);
        through_text(&window, &(struct kms_now){40, 1700000600}, "b1",
                     &(struct kms_now){30, 1690000000}, "b2");
        live(&window, 100, 1690000070, 3); /* rebuilt in the meantime */
        assert_int_equal(window.discontinuity_s, 1690000070);
        kms_window_done(&window);
    }
}

static void what_is_no_window_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
    } cases[] = {
        {"", 0},
        {"window 2\n", 1},
        {"window 1\n", 1},
        {"window 1\nwritten 5 x -\n", 2},
        {"window 1\nwritten 5 6 -\nkey 9 0\n", 3},
        {"window 1\nwritten 5 6 -\nkey 1 0\nsample 1 2 3\nend\n", 4},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 2 3 4 0\nend\n", 5},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 -2 3 4 0\nend\n", 4},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 2 3 4 2\nend\n", 4},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 2 3 4 0\nlast 1 7 2 3 4 0\nend\n", 5},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 2 3 4 0\nidle 0 0 0 0 0 0\n"
         "sample 5 1 1\nsample 5 2 2\nend\n",
         7},
        {"window 1\nwritten 5 6 -\nkey 1 0\nlast 1 7 2 3 4 0\nidle 0 0 0 0 0 0\n"
         "sample 9223372036854775807 1 1\nend\n",
         6},
        {"window 1\nwritten 5 6 -\nkey 1 0\nend 1\n", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kms_window window = {0};
        struct kms_fault fault = {0};
        size_t used;
        const struct kms_now now = {10, 20};
        if (kms_window_read(cases[i].text, strlen(cases[i].text), &now, "", &window, &used,
                            &fault) != KMS_EINVAL ||
            fault.offset != cases[i].line) {
            fail_msg("case %zu: line %zu: %s", i, fault.offset, fault.text);
        }
    }
}

/* ---- hosts with known requests ---- */

struct world {
    uint64_t random;
    int64_t second;      /* of the truth */
    int64_t boot_second; /* when the machine of the agent started */
    int64_t wall_error;  /* of the agent's clock */
    int64_t host_error;  /* of the host's */
    unsigned boots;
    uint32_t total, failed;
    double per_s;
    struct truth {
        int64_t second;
        uint32_t total, failed;
    } truth[4096]; /* every sample that a look may reach back to */
    size_t truths;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static struct kms_now world_now(const struct world *world)
{
    return (struct kms_now){world->second - world->boot_second,
                            1700000000 + world->second + world->wall_error};
}

static void pass(struct world *world, int64_t seconds)
{
    uint32_t asked = (uint32_t)(world->per_s * (double)seconds + (double)draw(world, 3));
    world->second += seconds;
    world->total += asked;
    world->failed += (uint32_t)draw(world, asked / 4 + 1);
}

static int64_t any_jump(struct world *world)
{
    static const int64_t sizes[] = {1, 30, HOUR, 5 * HOUR, 86400, 10 * INT64_C(31536000)};
    int64_t size = 1 + (int64_t)draw(world, (uint64_t)sizes[draw(world, 6)]);
    return draw(world, 2) ? size : -size;
}

static void restart(struct world *world, struct kms_window *window, bool jumps)
{
    char boot[16], boot_now[16];
    struct kms_now then = world_now(world);
    snprintf(boot, sizeof boot, "boot%u", world->boots);
    bool machine = draw(world, 2) != 0;
    pass(world, 1 + (int64_t)draw(world, 3 * HOUR));
    if (machine) {
        world->boots++;
        world->boot_second = world->second - (int64_t)draw(world, 200);
    } else if (jumps && draw(world, 2)) {
        world->wall_error += any_jump(world);
    }
    snprintf(boot_now, sizeof boot_now, "boot%u", world->boots);
    struct kms_now now = world_now(world);
    through_text(window, &then, boot, &now, boot_now);
}

/* What a look may say: the increase over its span is the true one between some sample and now. */
static void check(const struct world *world, const struct kms_window *window, int64_t short_s,
                  int64_t long_s)
{
    struct kms_window_view view = kms_window_look(window, HOUR);
    assert_true(window->count <= KMS_WINDOW_SAMPLES);
    if (!view.known) {
        return;
    }
    assert_true(view.span_s > 0);
    assert_true(view.failed <= view.total);
    assert_true(view.failed_permille <= 1000);
    const struct truth *last = &world->truth[world->truths - 1];
    bool found = false;
    for (size_t i = world->truths - 1; i-- > 0 && !found;) {
        const struct truth *from = &world->truth[i];
        int64_t off = view.span_s - (last->second - from->second);
        found = (uint32_t)(last->total - from->total) == view.total &&
                (uint32_t)(last->failed - from->failed) == view.failed && off >= -short_s &&
                off <= long_s;
    }
    if (!found) {
        fail_msg("second %lld: %u requests, %u failed in %lld s were never so",
                 (long long)world->second, view.total, view.failed, (long long)view.span_s);
    }
    if (view.rate_known) {
        double hours = (double)view.span_s / 3600;
        assert_true(fabs(view.total_per_hour - view.total / hours) <= 0.51);
        assert_true(fabs(view.failed_per_hour - view.failed / hours) <= 0.51);
    }
}

static void start_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1, .boots = 1};
    world->second = 1000;
    world->per_s = (double)(1 + draw(world, 2000)) / 1000.0;
    /* one host in two is about to run over 2^32 */
    world->total = draw(world, 2) ? UINT32_MAX - (uint32_t)draw(world, 3000)
                                  : (uint32_t)draw(world, 100000);
    world->failed = world->total / 8;
}

static void note_truth(struct world *world)
{
    assert_true(world->truths < 4096);
    world->truth[world->truths++] = (struct truth){world->second, world->total, world->failed};
}

static void a_live_host_is_seen_as_it_is_whatever_happens(void **state)
{
    (void)state;
    static struct world world;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct kms_window window = {0};
        start_world(&world, seed);
        for (unsigned poll = 0; poll < 400; poll++) {
            uint32_t before = world.total;
            bool reset = false;
            pass(&world, 5 + (int64_t)draw(&world, 600));
            switch (draw(&world, 40)) {
            case 0:
                world.wall_error += any_jump(&world);
                break;
            case 1:
                restart(&world, &window, true);
                break;
            case 2: /* the licensing store was rebuilt; it shows when it counts less than before */
                if (poll > 0 && before > 1000 && before < UINT32_MAX / 2) {
                    world.total = (uint32_t)draw(&world, 3);
                    world.failed = 0;
                    world.truths = 0;
                    reset = true;
                }
                break;
            default:
                break;
            }
            int64_t was = window.discontinuity_s;
            struct kms_now now = world_now(&world);
            const struct kms_window_reading reading = {
                .now = now, .total = world.total, .failed = world.failed};
            note_truth(&world);
            window.discontinuity_s = -1;
            assert_int_equal(kms_window_add(&window, &reading, HOUR), KMS_OK);
            if (reset) {
                assert_int_equal(window.count, 1);
                assert_int_equal(window.discontinuity_s, now.wall_s);
            }
            window.discontinuity_s = window.discontinuity_s == -1 ? was : window.discontinuity_s;
            check(&world, &window, 0, 0);
        }
        kms_window_done(&window);
    }
}

#define LATEST INT64_C(600) /* a report is found so late */

/* Whatever clock is set, a span is not shorter than it was; it is longer only where the host's
 * clock was set, which cannot be told from a report that was late. */
static void a_host_with_reports_is_seen_within_the_time_between_two_polls(void **state)
{
    (void)state;
    static struct world world;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct kms_window window = {0};
        bool agent_jumps = seed % 3 != 1, host_jumps = seed % 3 != 0;
        int64_t long_s = !host_jumps ? 2 * LATEST : !agent_jumps ? 4 * DAY : INT64_MAX;
        start_world(&world, seed);
        for (unsigned i = 0; i < 300; i++) {
            pass(&world, 1200 + (int64_t)draw(&world, 2 * HOUR));
            switch (draw(&world, 20)) {
            case 0:
                world.wall_error += agent_jumps ? any_jump(&world) : 0;
                break;
            case 1:
                world.host_error += host_jumps ? any_jump(&world) : 0;
                break;
            case 2:
                restart(&world, &window, agent_jumps);
                break;
            default:
                break;
            }
            /* written now, and found by one of the next polls */
            note_truth(&world);
            const struct truth *written = &world.truth[world.truths - 1];
            struct kms_window_reading reading = {
                .data_s = 1700000000 + world.second + world.host_error,
                .fingerprint = (uint64_t)world.truths + (seed << 32),
                .total = written->total,
                .failed = written->failed};
            pass(&world, (int64_t)draw(&world, LATEST));
            for (int again = 0; again < 2; again++) {
                reading.now = world_now(&world);
                assert_int_equal(kms_window_add(&window, &reading, HOUR), KMS_OK);
                pass(&world, (int64_t)draw(&world, 300));
            }
            check(&world, &window, 2 * LATEST, long_s);
        }
        assert_int_equal(window.discontinuity_s, 0);
        kms_window_done(&window);
    }
}

static void a_host_that_is_polled_every_minute_needs_little_room(void **state)
{
    (void)state;
    struct kms_window window = {0};
    for (uint32_t i = 0; i < 300; i++) {
        live(&window, 1000 + (int64_t)i * 60, 1700000000, i * 7);
        struct kms_window_view view = kms_window_look(&window, HOUR);
        assert_true(i < 60 || (view.span_s >= HOUR && view.span_s <= HOUR + 180));
        assert_true(i < 1 || view.total_per_hour == 420);
    }
    assert_true(window.cap <= 32);
    kms_window_done(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_says_nothing),
        cmocka_unit_test(a_retry_does_not_consume_the_evidence),
        cmocka_unit_test(the_same_text_in_a_newer_file_is_a_sample),
        cmocka_unit_test(a_reset_starts_the_window_again),
        cmocka_unit_test(what_is_older_than_the_window_is_left_behind),
        cmocka_unit_test(nothing_inside_the_window_is_forgotten_when_one_more_report_comes),
        cmocka_unit_test(a_daily_report_is_compared_with_the_one_before),
        cmocka_unit_test(many_samples_thin_out_but_keep_both_ends),
        cmocka_unit_test(a_sample_from_the_past_is_ignored),
        cmocka_unit_test(a_host_that_is_polled_every_minute_needs_little_room),
        cmocka_unit_test(a_wall_clock_that_is_set_moves_no_sample),
        cmocka_unit_test(a_report_from_a_clock_that_is_set_is_timed_by_its_arrival),
        cmocka_unit_test(a_report_that_was_late_does_not_make_the_next_one_early),
        cmocka_unit_test(a_clock_that_is_right_at_last_knows_how_old_a_report_was),
        cmocka_unit_test(old_reports_that_come_at_once_lie_as_far_apart_as_they_say),
        cmocka_unit_test(
            a_host_that_counts_again_and_whose_clock_was_set_back_is_found_by_its_second_report),
        cmocka_unit_test(a_counter_that_runs_over_is_no_reset),
        cmocka_unit_test(a_fall_that_no_host_can_have_run_over_is_a_reset),
        cmocka_unit_test(idle_time_is_not_known_before_a_client_was_counted),
        cmocka_unit_test(a_request_of_our_own_is_no_client),
        cmocka_unit_test(a_restart_keeps_window_and_idle_time),
        cmocka_unit_test(a_clock_that_ran_back_while_the_machine_was_off_starts_the_window_again),
        cmocka_unit_test(what_is_no_window_is_refused_with_its_line),
        cmocka_unit_test(a_live_host_is_seen_as_it_is_whatever_happens),
        cmocka_unit_test(a_host_with_reports_is_seen_within_the_time_between_two_polls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
