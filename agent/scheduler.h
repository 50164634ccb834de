/* The scheduler: asks every source of every host at its interval and publishes what came back. */
#ifndef KMS_AGENT_SCHEDULER_H
#define KMS_AGENT_SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "model/board.h"
#include "probe/probe.h"

/* How many polls run at once. Brisk ones: that have not run for longer than PATIENCE_MS. */
#define KMS_SCHEDULER_IN_FLIGHT_MAX   64   /* that may use a thread each, slow ones too */
#define KMS_SCHEDULER_BRISK_MAX       256  /* over sockets */
#define KMS_SCHEDULER_SOCKETS_MAX     3000 /* over sockets, slow ones too; preset of sockets_max */
#define KMS_SCHEDULER_ACTIVATIONS_MAX 32   /* brisk activation requests */
#define KMS_SCHEDULER_STARTS_MAX      5000 /* in a second, after a few at once */
#define KMS_SCHEDULER_PATIENCE_MS     250
#define KMS_SCHEDULER_SPREAD_MS       50 /* between the first polls of two hosts */
#define KMS_SCHEDULER_TICK_MS         10000
#define KMS_SCHEDULER_BACK_OFF_MAX    5 /* intervals */

struct kms_scheduler_config {
    struct kms_env *env;
    struct kms_board *board; /* hosts that are added later are told with kms_scheduler_add */
    const struct kms_log *log;
    const struct kms_probe_type *const
        *types;          /* ended by NULL; a host's source runs when it is enabled there */
    int64_t interval_ms; /* for sources without one of their own */
    /* Of the probes that wait on sockets, and as many over WS-Management, so that open files do not
     * run out; 0: KMS_SCHEDULER_SOCKETS_MAX. */
    size_t sockets_max;
    /* Intervals between two polls of a source that says nothing, at most; 1: it is asked as often
     * as others; 0: KMS_SCHEDULER_BACK_OFF_MAX. */
    unsigned back_off_max;
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
 * it, at its own time. */
void kms_scheduler_set_interval(struct kms_scheduler *scheduler, int64_t interval_ms);
/* As in the configuration, from the next poll on. */
void kms_scheduler_set_back_off(struct kms_scheduler *scheduler, unsigned back_off_max);
/* Plans nothing for the host any more, and cancels what runs. Not from inside published. */
void kms_scheduler_drop(struct kms_scheduler *scheduler, size_t slot);
/* Cancels what runs. Not from inside a call back. */
void kms_scheduler_free(struct kms_scheduler *scheduler);

/* ---- asked by a person ---- */

#define KMS_SCHEDULER_ALL SIZE_MAX
/* At the same time; more must wait. */
#define KMS_PROBE_NOW_MAX 64

struct kms_probed {
    size_t polls;    /* sources that were asked and answered, or failed to */
    int64_t wall_us; /* from the question to the last answer */
};
typedef void kms_probed_fn(void *arg, const struct kms_probed *probed);

/* Asks all sources of a host, or of all hosts (KMS_SCHEDULER_ALL), as soon as the bounds allow; one
 * host goes before all that wait. A source that is being asked already is not asked twice: its
 * answer counts. Left out are activation requests, which have their interval, and, when all hosts
 * are asked, logins that are left alone after a refusal. done is called once, never from inside,
 * when the last answer is published; the handle is gone then. Hosts that are dropped meanwhile are
 * not waited for. A host that was silent is asked at its interval again. NULL: out of memory, or
 * KMS_PROBE_NOW_MAX are under way. */
struct kms_probe_now;
struct kms_probe_now *kms_scheduler_probe_now(struct kms_scheduler *scheduler, size_t slot,
                                              kms_probed_fn *done, void *arg);
/* Nobody wants to know any more: done is not called. What was asked is asked all the same. Not from
 * inside its done. NULL is fine. */
void kms_scheduler_forget(struct kms_scheduler *scheduler, struct kms_probe_now *probe_now);

/* ---- how it does ---- */

struct kms_scheduler_view {
    int64_t lag_ms;       /* how late a poll was in the last ten seconds, at worst; see below */
    int64_t lag_worst_ms; /* since the start */
    size_t polls;         /* sources of hosts */
    size_t in_flight;     /* polls that run */
    size_t slow;          /* of these: that have made way for others */
    size_t waiting;       /* for their turn */
    size_t backed_off;    /* that are asked less often, since they say nothing */
    uint64_t started, ended;
    int64_t round_ms; /* in which every source was asked, the last time; 0: not yet. Without
                         activation, which has its own time */
    int64_t sweep_ms; /* that all hosts took when a person last asked for them; 0: nobody did */
};
struct kms_scheduler_view kms_scheduler_view(const struct kms_scheduler *scheduler);

/* How late a poll was lately, at worst: waiting for the loop or for its turn among those in flight.
 * Those that were slow and silent last time wait for their like, which is no lag. */
int64_t kms_scheduler_lag_ms(const struct kms_scheduler *scheduler);

#endif
