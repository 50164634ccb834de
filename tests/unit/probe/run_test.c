/* The promise of a run: one result, whatever the probe does, and none after a cancel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "probe/probe.h"

/* A probe that answers after its target's interval, or never. */
struct kms_probe {
    struct kms_timer *timer;
    kms_done_fn *done;
    void *arg;
    int64_t waited_us; /* that it tells; the target's size_max */
};

static int cancelled; /* of the test that runs */

static void free_probe(struct kms_probe *probe)
{
    kms_timer_free(probe->timer);
    free(probe);
}

static void answer(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = KMS_OUTCOME_OK;
    result.waited_us = probe->waited_us;
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_LISTENING_PORT, 1688), KMS_OK);
    probe->done(probe->arg, &result);
    kms_result_done(&result);
    free_probe(probe);
}

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    probe->done = done;
    probe->arg = arg;
    probe->waited_us = target->source[KMS_SOURCE_REPORT].size_max;
    probe->timer = kms_timer_new(env->loop, answer, probe);
    assert_non_null(probe->timer);
    if (target->source[KMS_SOURCE_REPORT].interval_ms >= 0) {
        kms_timer_set(probe->timer, target->source[KMS_SOURCE_REPORT].interval_ms);
    }
    return probe;
}

static struct kms_probe *start_without_memory(struct kms_env *env, const struct kms_target *target,
                                              kms_done_fn *done, void *arg)
{
    (void)env;
    (void)target;
    (void)done;
    (void)arg;
    return NULL;
}

static void cancel(struct kms_probe *probe)
{
    cancelled++;
    free_probe(probe);
}

static const struct kms_probe_type fake = {
    .name = "fake", .source = KMS_SOURCE_REPORT, .start = start, .cancel = cancel};
static const struct kms_probe_type poor = {
    .name = "poor", .source = KMS_SOURCE_REPORT, .start = start_without_memory, .cancel = cancel};

/* What a source makes of the deadline, asked before it is cancelled. */
static void tell_late(const struct kms_probe *probe, struct kms_result *result)
{
    assert_non_null(probe);
    assert_int_equal(cancelled, 0);
    assert_int_equal(result->outcome, KMS_OUTCOME_TIMEOUT);
    result->outcome = KMS_OUTCOME_RPC_TIMEOUT;
    kms_text_append(result->detail, sizeof result->detail, ": silence");
    kms_facts_set_number(&result->host, KMS_FACT_LISTENING_PORT, 1690);
}

static const struct kms_probe_type telling = {.name = "telling",
                                              .source = KMS_SOURCE_REPORT,
                                              .start = start,
                                              .cancel = cancel,
                                              .late = tell_late};

/* The wall clock of the tests stands still; the other one is the machine's. */
static int64_t some_wall_us(void *arg)
{
    (void)arg;
    return INT64_C(1361458258000000);
}

struct bench {
    struct kms_env env;
    struct kms_target target;
    int calls;
    enum kms_outcome outcome;
    enum kms_source source;
    int64_t wall_s, duration_us, port;
    char detail[200];
    bool stop; /* the loop, when done is called */
};

static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->env.clock = kms_clock_system();
    bench->env.clock.wall_us = some_wall_us;
    bench->env.loop = kms_loop_new(&bench->env.clock);
    assert_non_null(bench->env.loop);
    bench->stop = true;
    cancelled = 0;
    *state = bench;
    return 0;
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    kms_loop_free(bench->env.loop);
    free(bench);
    return 0;
}

static void note_result(void *arg, const struct kms_result *result)
{
    struct bench *bench = arg;
    bench->calls++;
    bench->outcome = result->outcome;
    bench->source = result->source;
    bench->wall_s = result->wall_s;
    bench->duration_us = result->duration_us;
    (void)kms_facts_number(&result->host, KMS_FACT_LISTENING_PORT, &bench->port);
    kms_text_copy(bench->detail, sizeof bench->detail, result->detail);
    if (bench->stop) {
        kms_loop_stop(bench->env.loop);
    }
}

static struct kms_run *start_run(struct bench *bench, const struct kms_probe_type *type,
                                 int64_t answer_ms, int64_t timeout_ms)
{
    bench->target.source[KMS_SOURCE_REPORT].interval_ms = answer_ms;
    bench->target.source[KMS_SOURCE_REPORT].timeout_ms = timeout_ms;
    struct kms_run *run = kms_run_start(&bench->env, type, &bench->target, note_result, bench);
    assert_non_null(run);
    assert_int_equal(bench->calls, 0);
    return run;
}

static void an_answer_in_time_is_the_only_result(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &fake, 0, 20);
    kms_loop_run(bench->env.loop);
    /* Long enough for a deadline that was not stopped to be due. */
    kms_loop_once(bench->env.loop, 50);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->outcome, KMS_OUTCOME_OK);
    assert_int_equal(bench->port, 1688);
    assert_int_equal(cancelled, 0);
}

static void source_wall_time_and_duration_are_filled_in(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &fake, 10, 10000);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->source, KMS_SOURCE_REPORT);
    assert_int_equal(bench->wall_s, 1361458258);
    assert_true(bench->duration_us > 0);
}

static int64_t some_mono_us(void *arg)
{
    (void)arg;
    return 5000000;
}

/* The clock stands still, so all of the duration is what the probe says that it waited. */
static void what_a_probe_waited_is_no_part_of_the_duration(void **state)
{
    struct bench *bench = *state;
    bench->env.clock.mono_us = some_mono_us;
    bench->target.source[KMS_SOURCE_REPORT].size_max = 300000;
    (void)start_run(bench, &fake, 0, 10000);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->duration_us, -300000);
}

static void a_late_probe_may_tell_what_that_means(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &telling, 3600000, 20);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->outcome, KMS_OUTCOME_RPC_TIMEOUT);
    assert_int_equal(bench->port, 1690);
    assert_string_equal(bench->detail, "no result within 20 ms: silence");
    assert_int_equal(cancelled, 1);
}

static void a_late_probe_is_cancelled_and_times_out(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &fake, -1, 30);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(cancelled, 1);
    assert_int_equal(bench->outcome, KMS_OUTCOME_TIMEOUT);
    assert_int_equal(bench->source, KMS_SOURCE_REPORT);
    assert_int_equal(bench->wall_s, 1361458258);
    assert_true(bench->duration_us > 0);
    assert_string_equal(bench->detail, "no result within 30 ms");
}

static void the_detail_of_a_timeout_names_whole_seconds(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &fake, -1, 1000);
    kms_loop_run(bench->env.loop);
    assert_string_equal(bench->detail, "no result within 1 s");
}

static void a_cancelled_run_never_calls_back(void **state)
{
    struct bench *bench = *state;
    struct kms_run *run = start_run(bench, &fake, 0, 1);
    kms_run_cancel(run);
    kms_loop_once(bench->env.loop, 20);
    kms_loop_once(bench->env.loop, 20);
    assert_int_equal(bench->calls, 0);
    assert_int_equal(cancelled, 1);
    kms_run_cancel(NULL);
}

static void a_probe_that_cannot_start_gives_out_of_memory_from_the_loop(void **state)
{
    struct bench *bench = *state;
    (void)start_run(bench, &poor, 0, 10000);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->outcome, KMS_OUTCOME_NO_MEMORY);
    assert_int_equal(cancelled, 0);

    bench->calls = 0;
    kms_run_cancel(start_run(bench, &poor, 0, 10000));
    kms_loop_once(bench->env.loop, 20);
    assert_int_equal(bench->calls, 0);
}

/* The next poll may begin where the last one ended. */
static void start_again(void *arg, const struct kms_result *result)
{
    struct bench *bench = arg;
    bench->stop = ++bench->calls == 3;
    if (bench->stop) {
        kms_loop_stop(bench->env.loop);
        return;
    }
    assert_int_equal(result->outcome, KMS_OUTCOME_OK);
    assert_non_null(kms_run_start(&bench->env, &fake, &bench->target, start_again, bench));
}

static void done_may_start_another_run(void **state)
{
    struct bench *bench = *state;
    assert_non_null(kms_run_start(&bench->env, &fake, &bench->target, start_again, bench));
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->calls, 3);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, make_bench, free_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(an_answer_in_time_is_the_only_result),
        ON_BENCH(source_wall_time_and_duration_are_filled_in),
        ON_BENCH(a_late_probe_is_cancelled_and_times_out),
        ON_BENCH(what_a_probe_waited_is_no_part_of_the_duration),
        ON_BENCH(a_late_probe_may_tell_what_that_means),
        ON_BENCH(the_detail_of_a_timeout_names_whole_seconds),
        ON_BENCH(a_cancelled_run_never_calls_back),
        ON_BENCH(a_probe_that_cannot_start_gives_out_of_memory_from_the_loop),
        ON_BENCH(done_may_start_another_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
