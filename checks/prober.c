/* Keeps a limited number of binds under way until all hosts were asked. */
#include "prober.h"

#include <stdlib.h>

#include "net/resolve.h"
#include "rpc/probe.h"

enum { AT_ONCE = 64, TURN_MS = 200 };

struct prober {
    struct kms_env *env;
    struct slot *slots;
    size_t count, started, finished;
    bool lost; /* a result could not be kept */
};

struct slot {
    struct prober *prober;
    struct kms_probed *probed;
    struct kms_run *run; /* NULL once done */
};

enum kms_status kms_prober_open(struct kms_env *env, const char *servers, bool names,
                                struct kms_fault *fault)
{
    const struct kms_resolver_setup setup = {.servers = servers};

    env->clock = kms_clock_system();
    env->loop = kms_loop_new(&env->clock);
    if (env->loop == NULL) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    return names ? kms_resolver_new(env->loop, &setup, &env->resolver, fault) : KMS_OK;
}

void kms_prober_close(struct kms_env *env)
{
    kms_resolver_free(env->resolver);
    if (env->loop != NULL) {
        kms_loop_free(env->loop);
    }
    env->resolver = NULL;
    env->loop = NULL;
}

static void done(void *arg, const struct kms_result *result)
{
    struct slot *slot = arg;

    slot->run = NULL;
    slot->prober->finished++;
    kms_result_done(&slot->probed->result);
    if (kms_result_copy(&slot->probed->result, result) != KMS_OK) {
        kms_result_init(&slot->probed->result, KMS_SOURCE_RPC);
        slot->prober->lost = true;
    }
}

static bool start_next(struct prober *prober)
{
    struct slot *slot = &prober->slots[prober->started++];

    slot->run = kms_run_start(prober->env, kms_rpc_probe(), &slot->probed->target, done, slot);
    return slot->run != NULL;
}

static bool run_all(struct prober *prober, kms_prober_progress_fn *progress, void *arg)
{
    while (prober->finished < prober->count) {
        while (prober->started < prober->count && prober->started - prober->finished < AT_ONCE) {
            if (!start_next(prober)) {
                return false;
            }
        }
        kms_loop_once(prober->env->loop, TURN_MS);
        if (progress != NULL) {
            progress(arg, prober->finished, prober->count);
        }
    }
    return !prober->lost;
}

bool kms_prober_run(struct kms_env *env, struct kms_probed *probed, size_t count,
                    kms_prober_progress_fn *progress, void *arg)
{
    struct prober prober = {.env = env, .count = count};
    bool ok;

    if (count == 0) {
        return true;
    }
    prober.slots = calloc(count, sizeof(struct slot));
    if (prober.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        prober.slots[i] = (struct slot){.prober = &prober, .probed = &probed[i]};
    }
    ok = run_all(&prober, progress, arg);
    for (size_t i = 0; i < prober.started; i++) {
        kms_run_cancel(prober.slots[i].run);
    }
    free(prober.slots);
    return ok;
}
