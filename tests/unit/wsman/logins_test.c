/* Jobs that wait for one KDC hold up no other: a key has a few threads, whatever waits behind them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "wsman/logins.h"

struct bench {
    struct kms_loop *loop;
    struct kms_logins *logins;
    size_t done, dropped;
    size_t stop_at; /* ends the loop when so many were done or dropped */
    char order[32];
};

struct task {
    struct bench *bench;
    int gate; /* work reads a byte from here; -1: it does not */
    char mark;
};

static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    struct kms_clock clock = kms_clock_system();
    bench->loop = kms_loop_new(&clock);
    assert_non_null(bench->loop);
    bench->logins = kms_logins_new(bench->loop, 4, 2);
    assert_non_null(bench->logins);
    *state = bench;
    return 0;
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    kms_logins_free(bench->logins, 10000);
    kms_loop_free(bench->loop);
    free(bench);
    return 0;
}

static void work(void *data)
{
    const struct task *task = data;
    char byte;
    while (task->gate >= 0 && read(task->gate, &byte, 1) < 0) {
    }
}

static void count(struct task *task, size_t *what)
{
    struct bench *bench = task->bench;
    bench->order[bench->done + bench->dropped] = task->mark;
    ++*what;
    free(task);
    if (bench->done + bench->dropped == bench->stop_at) {
        kms_loop_stop(bench->loop);
    }
}

static void done(void *data)
{
    struct task *task = data;
    count(task, &task->bench->done);
}

static void drop(void *data)
{
    struct task *task = data;
    count(task, &task->bench->dropped);
}

static struct kms_login_job *submit(struct bench *bench, const char *key, int gate, char mark)
{
    struct task *task = malloc(sizeof *task);
    assert_non_null(task);
    *task = (struct task){.bench = bench, .gate = gate, .mark = mark};
    struct kms_login_job *job = kms_logins_submit(bench->logins, key, work, done, task);
    assert_non_null(job);
    return job;
}

static void run_until(struct bench *bench, size_t ended)
{
    bench->stop_at = ended;
    kms_loop_run(bench->loop);
}

static void a_key_that_hangs_leaves_threads_to_the_others(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 6; i++) {
        submit(bench, "stopped", gate[0], 's');
    }
    submit(bench, "alive", -1, 'a');
    submit(bench, "alive", -1, 'a');
    submit(bench, "alive", -1, 'a');
    run_until(bench, 3);
    assert_string_equal(bench->order, "aaa");
    assert_int_equal(write(gate[1], "xxxxxx", 6), 6);
    run_until(bench, 9);
    assert_string_equal(bench->order, "aaassssss");
    close(gate[0]);
    close(gate[1]);
}

static void a_job_that_waits_in_line_can_be_abandoned(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    submit(bench, "k", gate[0], '1');
    submit(bench, "k", gate[0], '2');
    struct kms_login_job *third = submit(bench, "k", -1, '3');
    bench->stop_at = 99;
    kms_logins_abandon(third, drop);
    assert_int_equal(bench->dropped, 1);
    assert_int_equal(write(gate[1], "xx", 2), 2);
    run_until(bench, 3);
    assert_int_equal(bench->done, 2);
    close(gate[0]);
    close(gate[1]);
}

static void a_job_that_runs_can_be_abandoned_and_keeps_its_place_until_it_ends(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    bench->stop_at = 99;
    struct kms_login_job *first = submit(bench, "k", gate[0], '1');
    struct kms_login_job *second = submit(bench, "k", gate[0], '2');
    submit(bench, "k", -1, '3');
    submit(bench, "other", -1, 'o');
    run_until(bench, 1); /* both of k have begun, or other could not have ended */
    kms_logins_abandon(first, drop);
    kms_logins_abandon(second, drop);
    assert_int_equal(write(gate[1], "xx", 2), 2);
    run_until(bench, 4);
    assert_int_equal(bench->dropped, 2);
    assert_int_equal(bench->done, 2);
    close(gate[0]);
    close(gate[1]);
}

static void what_hangs_at_the_end_is_left_behind_and_dropped_later(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    bench->stop_at = 99;
    struct kms_login_job *first = submit(bench, "k", gate[0], '1');
    submit(bench, "other", -1, 'o');
    run_until(bench, 1);
    kms_logins_abandon(first, drop);
    assert_int_equal(write(gate[1], "x", 1), 1);
    kms_logins_free(bench->logins, 10000);
    bench->logins = NULL;
    assert_int_equal(bench->dropped, 1);
    close(gate[0]);
    close(gate[1]);
}

static void a_key_that_was_refused_rests_until_its_time_and_no_other_does(void **state)
{
    struct bench *bench = *state;
    assert_null(kms_logins_rests(bench->logins, "k", 0));
    kms_logins_rest(bench->logins, "k", 100, "wrong password");
    assert_string_equal(kms_logins_rests(bench->logins, "k", 99), "wrong password");
    assert_null(kms_logins_rests(bench->logins, "k", 100));
    assert_null(kms_logins_rests(bench->logins, "other", 99));
    kms_logins_rest(bench->logins, "other", 150, "");
    kms_logins_rest(bench->logins, "k", 200, "account locked");
    assert_string_equal(kms_logins_rests(bench->logins, "k", 199), "account locked");
    assert_null(kms_logins_rests(bench->logins, "other", 199));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_that_hangs_leaves_threads_to_the_others, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(a_job_that_waits_in_line_can_be_abandoned, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(
            a_job_that_runs_can_be_abandoned_and_keeps_its_place_until_it_ends, make_bench,
            free_bench),
        cmocka_unit_test_setup_teardown(what_hangs_at_the_end_is_left_behind_and_dropped_later,
                                        make_bench, free_bench),
        cmocka_unit_test_setup_teardown(
            a_key_that_was_refused_rests_until_its_time_and_no_other_does, make_bench, free_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
