/* Jobs beside the loop: one that hangs holds up nobody, and one that is forgotten leaves nothing
 * behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/worker.h"

struct bench {
    struct kms_loop *loop;
    struct kms_worker *worker;
    size_t done, dropped;
    size_t stop_at; /* ends the loop when so many were done or dropped */
};

struct task {
    struct bench *bench;
    int gate;    /* work reads one byte from here; -1: it does not */
    int started; /* and says here that it began; -1: it does not */
    int ended;   /* told, then closed, by whoever gives the task back; -1 */
    bool worked;
};

static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    struct kms_clock clock = kms_clock_system();
    bench->loop = kms_loop_new(&clock);
    assert_non_null(bench->loop);
    *state = bench;
    return 0;
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    kms_worker_free(bench->worker, 10000);
    kms_loop_free(bench->loop);
    free(bench);
    return 0;
}

static struct task *new_task(struct bench *bench)
{
    struct task *task = malloc(sizeof *task);
    assert_non_null(task);
    *task = (struct task){.bench = bench, .gate = -1, .started = -1, .ended = -1};
    return task;
}

static void work(void *data)
{
    struct task *task = data;
    char byte = 's';
    if (task->started >= 0 && write(task->started, &byte, 1) != 1) {
        return;
    }
    if (task->gate >= 0 && read(task->gate, &byte, 1) != 1) {
        return;
    }
    task->worked = true;
}

static void maybe_stop(struct bench *bench)
{
    if (bench->done + bench->dropped == bench->stop_at) {
        kms_loop_stop(bench->loop);
    }
}

static void done(void *data)
{
    struct task *task = data;
    assert_true(task->worked);
    task->bench->done++;
    maybe_stop(task->bench);
    free(task);
}

static void drop(void *data)
{
    struct task *task = data;
    task->bench->dropped++;
    maybe_stop(task->bench);
    free(task);
}

/* For a thread that was left behind: it must not touch the bench any more. */
static void drop_apart(void *data)
{
    struct task *task = data;
    int ended = task->ended;
    free(task);
    if (write(ended, "e", 1) == 1) {
        (void)close(ended);
    }
}

static void run_until(struct bench *bench, size_t count)
{
    bench->stop_at = count;
    if (bench->done + bench->dropped < count) {
        kms_loop_run(bench->loop);
    }
    assert_int_equal(bench->done + bench->dropped, count);
}

static void wait_for_byte(int fd)
{
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1);
}

static void open_gate(int fd)
{
    assert_int_equal(write(fd, "g", 1), 1);
}

static void start_worker(struct bench *bench, size_t threads)
{
    bench->worker = kms_worker_new(bench->loop, threads);
    assert_non_null(bench->worker);
}

static void a_hundred_jobs_end_on_the_loop(void **state)
{
    struct bench *bench = *state;
    start_worker(bench, 3);
    for (size_t i = 0; i < 100; i++) {
        assert_non_null(kms_worker_submit(bench->worker, work, done, new_task(bench)));
    }
    assert_int_equal(bench->done, 0);
    run_until(bench, 100);
}

static void other_jobs_go_on_while_one_hangs(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    start_worker(bench, 2);
    struct task *hanging = new_task(bench);
    hanging->gate = gate[0];
    assert_non_null(kms_worker_submit(bench->worker, work, done, hanging));
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(kms_worker_submit(bench->worker, work, done, new_task(bench)));
    }
    run_until(bench, 2);
    open_gate(gate[1]);
    run_until(bench, 3);
    (void)close(gate[0]);
    (void)close(gate[1]);
}

static void a_job_that_waits_is_dropped_at_once(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    start_worker(bench, 1);
    struct task *hanging = new_task(bench);
    hanging->gate = gate[0];
    assert_non_null(kms_worker_submit(bench->worker, work, done, hanging));
    struct kms_job *first = kms_worker_submit(bench->worker, work, done, new_task(bench));
    struct kms_job *middle = kms_worker_submit(bench->worker, work, done, new_task(bench));
    struct kms_job *last = kms_worker_submit(bench->worker, work, done, new_task(bench));
    assert_non_null(first);
    assert_non_null(middle);
    assert_non_null(last);
    kms_job_abandon(middle, drop);
    assert_int_equal(bench->dropped, 1);
    kms_job_abandon(last, drop);
    assert_int_equal(bench->dropped, 2);
    assert_non_null(kms_worker_submit(bench->worker, work, done, new_task(bench)));
    open_gate(gate[1]);
    run_until(bench, 5);
    assert_int_equal(bench->done, 3);
    (void)close(gate[0]);
    (void)close(gate[1]);
}

static void a_running_job_is_dropped_on_the_loop_when_it_ended(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    int started[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(started, O_CLOEXEC), 0);
    start_worker(bench, 1);
    struct task *task = new_task(bench);
    task->gate = gate[0];
    task->started = started[1];
    struct kms_job *job = kms_worker_submit(bench->worker, work, done, task);
    assert_non_null(job);
    wait_for_byte(started[0]);
    kms_job_abandon(job, drop);
    kms_loop_once(bench->loop, 0);
    assert_int_equal(bench->dropped, 0);
    open_gate(gate[1]);
    run_until(bench, 1);
    assert_int_equal(bench->done, 0);
    for (int i = 0; i < 2; i++) {
        (void)close(gate[i]);
        (void)close(started[i]);
    }
}

static void free_drops_what_was_abandoned_and_calls_nothing_done(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    int started[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(started, O_CLOEXEC), 0);
    start_worker(bench, 1);
    struct task *running = new_task(bench);
    running->gate = gate[0];
    running->started = started[1];
    struct kms_job *job = kms_worker_submit(bench->worker, work, done, running);
    struct task *waiting = new_task(bench);
    assert_non_null(job);
    assert_non_null(kms_worker_submit(bench->worker, work, done, waiting));
    wait_for_byte(started[0]);
    kms_job_abandon(job, drop);
    open_gate(gate[1]);
    kms_worker_free(bench->worker, 10000);
    bench->worker = NULL;
    assert_int_equal(bench->dropped, 1);
    assert_int_equal(bench->done, 0);
    free(waiting);
    for (int i = 0; i < 2; i++) {
        (void)close(gate[i]);
        (void)close(started[i]);
    }
}

static void drop_worked(void *data)
{
    struct task *task = data;
    assert_true(task->worked);
    drop(task);
}

static void a_released_job_is_done_even_when_the_worker_ends(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    int started[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(started, O_CLOEXEC), 0);
    start_worker(bench, 1);
    struct task *running = new_task(bench);
    running->gate = gate[0];
    running->started = started[1];
    struct kms_job *first = kms_worker_submit(bench->worker, work, done, running);
    struct kms_job *released = kms_worker_submit(bench->worker, work, done, new_task(bench));
    assert_non_null(first);
    assert_non_null(released);
    wait_for_byte(started[0]);
    kms_job_release(first, drop_worked);
    kms_job_release(released, drop_worked);
    assert_int_equal(bench->dropped, 0);
    open_gate(gate[1]);
    kms_worker_free(bench->worker, 10000);
    bench->worker = NULL;
    assert_int_equal(bench->dropped, 2);
    assert_int_equal(bench->done, 0);
    for (int i = 0; i < 2; i++) {
        (void)close(gate[i]);
        (void)close(started[i]);
    }
}

static void a_thread_that_hangs_is_left_behind_and_cleans_up_after_itself(void **state)
{
    struct bench *bench = *state;
    int gate[2];
    int started[2];
    int ended[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(started, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ended, O_CLOEXEC), 0);
    start_worker(bench, 2);
    struct task *task = new_task(bench);
    task->gate = gate[0];
    task->started = started[1];
    task->ended = ended[1];
    struct kms_job *job = kms_worker_submit(bench->worker, work, done, task);
    assert_non_null(job);
    wait_for_byte(started[0]);
    kms_job_abandon(job, drop_apart);
    kms_worker_free(bench->worker, 20);
    bench->worker = NULL;

    open_gate(gate[1]);
    wait_for_byte(ended[0]);
    (void)close(ended[0]);
    for (int i = 0; i < 2; i++) {
        (void)close(gate[i]);
        (void)close(started[i]);
    }
}

static void free_the_worker(void *data)
{
    struct task *task = data;
    struct bench *bench = task->bench;
    kms_worker_free(bench->worker, 10000);
    bench->worker = NULL;
    done(task);
}

static void done_may_free_the_worker(void **state)
{
    struct bench *bench = *state;
    start_worker(bench, 1);
    assert_non_null(kms_worker_submit(bench->worker, work, free_the_worker, new_task(bench)));
    run_until(bench, 1);
    assert_null(bench->worker);
}

static void submit_another(void *data)
{
    struct task *task = data;
    struct bench *bench = task->bench;
    assert_non_null(kms_worker_submit(bench->worker, work, done, new_task(bench)));
    done(task);
}

static void done_may_submit_another_job(void **state)
{
    struct bench *bench = *state;
    start_worker(bench, 1);
    assert_non_null(kms_worker_submit(bench->worker, work, submit_another, new_task(bench)));
    run_until(bench, 2);
}

static void a_worker_without_jobs_can_be_freed(void **state)
{
    struct bench *bench = *state;
    start_worker(bench, 4);
    kms_worker_free(bench->worker, 0);
    bench->worker = NULL;
    kms_worker_free(NULL, 0);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, make_bench, free_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_hundred_jobs_end_on_the_loop),
        ON_BENCH(other_jobs_go_on_while_one_hangs),
        ON_BENCH(a_job_that_waits_is_dropped_at_once),
        ON_BENCH(a_running_job_is_dropped_on_the_loop_when_it_ended),
        ON_BENCH(free_drops_what_was_abandoned_and_calls_nothing_done),
        ON_BENCH(a_released_job_is_done_even_when_the_worker_ends),
        ON_BENCH(a_thread_that_hangs_is_left_behind_and_cleans_up_after_itself),
        ON_BENCH(done_may_free_the_worker),
        ON_BENCH(done_may_submit_another_job),
        ON_BENCH(a_worker_without_jobs_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
