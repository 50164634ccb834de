/* The scheduler: asks every source of every host at its interval and publishes what came back. */
#ifndef KMS_AGENT_SCHEDULER_H
#define KMS_AGENT_SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "model/board.h"
#include "probe/probe.h"

#define KMS_SCHEDULER_IN_FLIGHT_MAX   64   /* probes that may use a thread or a transfer */
#define KMS_SCHEDULER_SOCKETS_MAX     1000 /* probes that wait on sockets and nothing else */
#define KMS_SCHEDULER_ACTIVATIONS_MAX 32   /* activation requests */
#define KMS_SCHEDULER_SPREAD_MS       50   /* between the first polls of two hosts */
#define KMS_SCHEDULER_TICK_MS         10000

struct kms_scheduler_config {
    struct kms_env *env;
    struct kms_board *board; /* hosts that are added later are told with kms_scheduler_add */
    const struct kms_log *log;
    const struct kms_probe_type *const
        *types;          /* ended by NULL; a host's source runs when it is enabled there */
    int64_t interval_ms; /* for sources without one of their own */
    /* Of the probes that wait on sockets, and as many over WS-Management, so that open files do not
     * run out; 0:
     * KMS_SCHEDULER_SOCKETS_MAX. */
    size_t sockets_max;
    /* After every publish, and when time changed a host's state; NULL: nobody asks. */
    void (*published)(void *arg);
    void *arg;
};

struct kms_scheduler;

/* Plans the first round, spread over the interval; nothing is asked before the loop turns. What
 * config points to must live until kms_scheduler_free. NULL: out of memory. */
struct kms_scheduler *kms_scheduler_new(const struct kms_scheduler_config *config);
/* Plans the sources of a host that was added to the board since, the first poll at once. */
enum kms_status kms_scheduler_add(struct kms_scheduler *scheduler, size_t slot);
/* The same, the first poll after delay_ms: for thousands that are added together. */
enum kms_status kms_scheduler_add_after(struct kms_scheduler *scheduler, size_t slot,
                                        int64_t delay_ms);
/* The host has another target since (kms_board_retarget): sources that it did not have are planned
 * after delay_ms, and so are those of anew (KMS_BIT mask), of which what runs is cancelled; those
 * that it has no more are dropped. The others go on as they were, at their new interval. was is the
 * target before: taken over, and freed once nothing that runs uses it. KMS_ENOMEM: what is new is
 * not planned yet; call again, with NULL for was. Not from inside published. */
enum kms_status kms_scheduler_retarget(struct kms_scheduler *scheduler, size_t slot,
                                       struct kms_target *was, uint32_t anew, int64_t delay_ms);
/* Another interval for sources without one of their own; what was due later than that is due within
 * it, spread as it was. */
void kms_scheduler_set_interval(struct kms_scheduler *scheduler, int64_t interval_ms);
/* Plans nothing for the host any more, and cancels what runs. Not from inside published. */
void kms_scheduler_drop(struct kms_scheduler *scheduler, size_t slot);
/* Cancels what runs. Not from inside a call back. */
void kms_scheduler_free(struct kms_scheduler *scheduler);

/* How late a poll was lately, at worst: waiting for the loop or for its turn among those in flight.
 */
int64_t kms_scheduler_lag_ms(const struct kms_scheduler *scheduler);

#endif
