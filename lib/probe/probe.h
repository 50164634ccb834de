/* The contract of every probe: started with a target and a deadline, it calls back exactly once. */
#ifndef KMS_PROBE_PROBE_H
#define KMS_PROBE_PROBE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/loop.h"
#include "model/result.h"
#include "model/target.h"

struct kms_worker;
struct kms_http;
struct kms_resolver;
struct kms_products;
struct kms_logins;
struct kms_recorder;
struct kms_play;

/* What other sources said of a host's key; "" for what is not known. */
struct kms_known_key {
    char name[120]; /* KMS_FACT_KEY_GROUP */
    char epid[64];
};

/* What probes work with; filled by main(). Parts that no probe of the program uses may be NULL. */
struct kms_env {
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_worker *worker;
    struct kms_http *http;
    struct kms_resolver *resolver;
    struct kms_logins *logins;     /* wsman/logins.h, for WS-Management */
    struct kms_play *play;         /* agent/play.h; NULL: hosts are asked */
    struct kms_recorder *recorder; /* wsman/record.h; NULL: conversations are not recorded */
    /* For activation requests. */
    const char *state_dir;               /* NULL: none are sent */
    const struct kms_products *products; /* rows of the site; NULL: none. Outlives the worker */
    void (*known_key)(void *arg, const struct kms_target *target, struct kms_known_key *ret);
    void *known_key_arg; /* known_key NULL: nothing is known */
};

struct kms_probe; /* each probe's own */

/* The result belongs to the probe and is valid during the call. The probe is gone after it: do not
 * cancel. */
typedef void kms_done_fn(void *arg, const struct kms_result *result);

struct kms_probe_type {
    const char *name;
    enum kms_source source;
    /* Starts asynchronously: done is never called from inside start. The target must live until
     * done or cancel. NULL when memory ran out; then done is not called. The probe keeps no
     * deadline: kms_run_start does. */
    struct kms_probe *(*start)(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg);
    /* Ends the probe without a call back. What it had running in a worker is abandoned, not waited
     * for. */
    void (*cancel)(struct kms_probe *probe);
    /* What the deadline means to this source, asked before cancel: may change outcome and detail
     * (filled: KMS_OUTCOME_TIMEOUT, "no result within 10 s") and add facts. NULL: just that. */
    void (*late)(const struct kms_probe *probe, struct kms_result *result);
};

/* One probe with an absolute deadline (now + target->source[...].timeout_ms, set once): done is
 * called exactly once, with KMS_OUTCOME_TIMEOUT when the probe is late, and never from inside
 * start; wall_s, duration_us and source of the result are filled in here. The run is gone when done
 * begins. NULL: no memory for the run itself, done is not called. */
struct kms_run;
struct kms_run *kms_run_start(struct kms_env *env, const struct kms_probe_type *type,
                              const struct kms_target *target, kms_done_fn *done, void *arg);
/* No call back any more. NULL is fine. Not from inside done. */
void kms_run_cancel(struct kms_run *run);

#endif
