/* The end of the daemon, by signals that the process sends itself. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/ending.h"
#include "base/text.h"

#define LONG_MS 600000 /* longer than the test may take */

struct bench {
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_log log;
    struct kms_ending *ending;
    size_t left;          /* how often leave was called */
    int then;             /* a signal that follows the first; 0: none */
    struct kms_timer *it; /* set when all is ready; NULL: nothing is */
    size_t warnings;
    char line[200];
};

static void hear(void *arg, enum kms_log_level level, const char *line)
{
    struct bench *b = arg;
    b->warnings += level <= KMS_LOG_WARNING ? 1 : 0;
    kms_text_copy(b->line, sizeof b->line, line);
}

static void ready(void *arg)
{
    struct bench *b = arg;
    kms_ending_ready(b->ending);
}

static void leave(void *arg)
{
    struct bench *b = arg;
    b->left++;
    if (b->then != 0) {
        assert_int_equal(raise(b->then), 0);
    }
    if (b->it) {
        kms_timer_set(b->it, 0);
    }
}

static void open_ending(struct bench *b, int64_t wait_ms)
{
    const struct kms_ending_config config = {
        .loop = b->loop, .log = &b->log, .wait_ms = wait_ms, .leave = leave, .arg = b};
    b->ending = kms_ending_new(&config);
    assert_non_null(b->ending);
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.clock = kms_clock_system()};
    bench.log = (struct kms_log){KMS_LOG_TO_CALLBACK, KMS_LOG_INFO, hear, &bench};
    bench.loop = kms_loop_new(&bench.clock);
    assert_non_null(bench.loop);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    kms_ending_over(b->ending);
    kms_ending_free(b->ending);
    kms_timer_free(b->it);
    kms_loop_free(b->loop);
    return 0;
}

static void it_ends_when_all_is_ready(void **state)
{
    struct bench *b = *state;
    open_ending(b, LONG_MS);
    b->it = kms_timer_new(b->loop, ready, b);
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->left, 1);
    assert_int_equal(b->warnings, 0);
    assert_non_null(strstr(b->line, "stop: SIGTERM"));
}

static void at_a_second_signal_it_ends_at_once(void **state)
{
    struct bench *b = *state;
    open_ending(b, LONG_MS);
    b->then = SIGINT;
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->left, 1);
    assert_non_null(strstr(b->line, "stop: SIGINT again, at once"));
    assert_int_equal(b->warnings, 0);
}

static void the_same_signal_again_is_a_second_one(void **state)
{
    struct bench *b = *state;
    open_ending(b, LONG_MS);
    b->then = SIGTERM;
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->left, 1);
    assert_non_null(strstr(b->line, "stop: SIGTERM again, at once"));
}

static void what_is_never_ready_is_waited_for_no_longer(void **state)
{
    struct bench *b = *state;
    open_ending(b, 20);
    assert_int_equal(raise(SIGINT), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->left, 1);
    assert_int_equal(b->warnings, 1);
    assert_non_null(strstr(b->line, "did not confirm a notification within 20 ms"));
}

static void a_loop_that_runs_faster_waits_as_long(void **state)
{
    struct bench *b = *state;
    kms_loop_set_speed(b->loop, 1000000);
    open_ending(b, LONG_MS);
    b->it = kms_timer_new(b->loop, ready, b);
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->warnings, 0);
}

static void when_it_is_over_signals_do_nothing(void **state)
{
    struct bench *b = *state;
    open_ending(b, LONG_MS);
    kms_ending_over(b->ending);
    kms_ending_ready(b->ending);
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_once(b->loop, 20);
    assert_int_equal(b->left, 0);
    assert_string_equal(b->line, "");
}

static void what_is_ready_without_a_signal_ends_nothing(void **state)
{
    struct bench *b = *state;
    open_ending(b, LONG_MS);
    kms_ending_ready(b->ending);
    b->it = kms_timer_new(b->loop, ready, b);
    assert_int_equal(raise(SIGTERM), 0);
    kms_loop_run(b->loop);
    assert_int_equal(b->left, 1);
}

int main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        BENCH(it_ends_when_all_is_ready),
        BENCH(at_a_second_signal_it_ends_at_once),
        BENCH(the_same_signal_again_is_a_second_one),
        BENCH(what_is_never_ready_is_waited_for_no_longer),
        BENCH(a_loop_that_runs_faster_waits_as_long),
        BENCH(when_it_is_over_signals_do_nothing),
        BENCH(what_is_ready_without_a_signal_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
