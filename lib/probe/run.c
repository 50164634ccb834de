/* One probe under one deadline: whatever happens, done is called exactly once. */
#include "probe/probe.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

#define TIMEOUT_PRESET_MS 10000

struct kms_run {
    struct kms_env *env;
    const struct kms_probe_type *type;
    kms_done_fn *done;
    void *arg;
    struct kms_probe *probe; /* NULL: it could not start; the timer tells */
    struct kms_timer *deadline;
    int64_t timeout_ms;
    int64_t start_us;
};

static void free_run(struct kms_run *run)
{
    kms_timer_free(run->deadline);
    free(run);
}

/* The only way to done. The run is gone before the call, since the call may free what it stood on.
 */
static void finish(struct kms_run *run, const struct kms_result *from)
{
    struct kms_result result = *from; /* what it points to stays the probe's */
    result.source = run->type->source;
    result.wall_s = kms_clock_wall_s(&run->env->clock);
    result.duration_us = kms_clock_mono_us(&run->env->clock) - run->start_us - from->waited_us;
    kms_done_fn *done = run->done;
    void *arg = run->arg;
    free_run(run);
    done(arg, &result);
}

static void probe_done(void *arg, const struct kms_result *result)
{
    finish(arg, result);
}

static void say_late(const struct kms_run *run, struct kms_result *result)
{
    result->outcome = KMS_OUTCOME_TIMEOUT;
    bool whole_seconds = run->timeout_ms % 1000 == 0;
    kms_text_format(result->detail, sizeof result->detail, "no result within %" PRId64 " %s",
                    whole_seconds ? run->timeout_ms / 1000 : run->timeout_ms,
                    whole_seconds ? "s" : "ms");
}

static void deadline_passed(void *arg)
{
    struct kms_run *run = arg;
    struct kms_result result;
    kms_result_init(&result, run->type->source);
    result.outcome = KMS_OUTCOME_NO_MEMORY;
    if (run->probe) {
        say_late(run, &result);
        if (run->type->late) {
            run->type->late(run->probe, &result);
        }
        run->type->cancel(run->probe);
    } else {
        kms_text_copy(result.detail, sizeof result.detail, "not enough memory to start the probe");
    }
    finish(run, &result);
    kms_result_done(&result);
}

struct kms_run *kms_run_start(struct kms_env *env, const struct kms_probe_type *type,
                              const struct kms_target *target, kms_done_fn *done, void *arg)
{
    struct kms_run *run = calloc(1, sizeof *run);
    if (!run) {
        return NULL;
    }
    int64_t timeout_ms = target->source[type->source].timeout_ms;
    *run = (struct kms_run){.env = env,
                            .type = type,
                            .done = done,
                            .arg = arg,
                            .timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_PRESET_MS,
                            .start_us = kms_clock_mono_us(&env->clock)};
    run->deadline = kms_timer_new(env->loop, deadline_passed, run);
    if (!run->deadline) {
        free(run);
        return NULL;
    }
    /* Set before the start, so that what the start takes counts. */
    kms_timer_set(run->deadline, run->timeout_ms);
    run->probe = type->start(env, target, probe_done, run);
    if (!run->probe) {
        kms_timer_set(run->deadline, 0);
    }
    return run;
}

void kms_run_cancel(struct kms_run *run)
{
    if (!run) {
        return;
    }
    if (run->probe) {
        run->type->cancel(run->probe);
    }
    free_run(run);
}
