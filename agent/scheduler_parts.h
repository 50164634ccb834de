/* What the parts of the scheduler share, and nobody else sees. */
#ifndef KMS_AGENT_SCHEDULER_PARTS_H
#define KMS_AGENT_SCHEDULER_PARTS_H

#include "agent/due.h"
#include "agent/lane.h"
#include "agent/scheduler.h"

/* A target that was replaced while probes of it ran. */
struct held {
    struct kms_target *target;
    size_t users;
};

/* A source of a host. Never more than one run of it. It waits for its time in dues, or for its turn
 * in a lane, or runs. */
struct poll {
    struct kms_scheduler *scheduler;
    struct poll *next; /* of the same host */
    const struct kms_probe_type *type;
    size_t slot;
    struct kms_lane *lane;
    struct kms_due due;
    struct kms_place place;
    struct kms_run *run; /* NULL: not running */
    struct held *held;   /* what it runs with; NULL: the board's target */
    int64_t interval_us, phase_us;
    int64_t began_us;  /* the last time */
    int64_t rest_us;   /* after a host that wants to be left alone; 0: it does not */
    uint64_t asked_by; /* bits of struct kms_probe_now */
    uint64_t round;    /* that it was asked in */
    unsigned silent;   /* times in a row */
    bool known_slow;   /* it was silent for long the last time */
    bool was_left_out; /* the last time, since that had passed long ago */
    bool told_same;    /* that the host is asked under another name too */
};

/* Hosts that say nothing hold their turn until the deadline. Where a turn costs a socket and
 * nothing else, there are so many that the others need not wait for them; activation requests,
 * which need the disk too and are rare, wait for each other alone. Conversations over WS-Management
 * wait for a KDC too, and for each other alone. Reports in files need threads, of which those known
 * to hang may not take all. */
enum lane { LANE_FILES, LANE_HTTP, LANE_SOCKETS, LANE_ACTIVATION, LANE_WSMAN, LANE_COUNT };

struct kms_probe_now {
    struct kms_probe_now *next;
    kms_probed_fn *done;
    void *arg;
    struct kms_probed probed;
    int64_t began_us;
    size_t left;
    uint64_t bit;
    bool all;
};

struct kms_scheduler {
    struct kms_scheduler_config config;
    struct poll **of_slot; /* the first source of each host; NULL: none */
    size_t slot_count, poll_count;
    struct kms_dues dues;
    struct kms_lane lane[LANE_COUNT];
    struct kms_timer *pump; /* for what is due next */
    int64_t pump_us;        /* INT64_MAX: it is not set */
    int64_t paid_us;        /* starts so far are paid for until then, each with START_US */
    struct kms_timer *tick;
    size_t tick_slot; /* the next that time is looked at for */
    struct kms_probe_now *probe_now;
    uint64_t probe_now_bits;
    int64_t lag_us;        /* worst since the last tick */
    int64_t lag_before_us; /* worst between the two ticks before */
    int64_t lag_worst_us;
    uint64_t started, ended;
    uint64_t round;
    size_t round_left; /* polls that were not asked in it */
    int64_t round_began_us, round_us, sweep_us;
    size_t backed_off;
};

int64_t kms_scheduler_now_us(const struct kms_scheduler *scheduler);
const struct kms_snapshot *kms_scheduler_snapshot(const struct kms_scheduler *scheduler,
                                                  size_t slot);
void kms_scheduler_tell(const struct kms_scheduler *scheduler);

/* The first source of the host; NULL: none. */
struct poll *kms_poll_first(const struct kms_scheduler *scheduler, size_t slot);
struct kms_lane *kms_poll_lane(struct kms_scheduler *scheduler, size_t slot,
                               enum kms_source source);
/* Makes it and links it in; it is not planned yet. False: out of memory. */
bool kms_poll_add(struct kms_scheduler *scheduler, size_t slot, const struct kms_probe_type *type);
/* Unlinks and frees it; at is where it is linked in. */
void kms_poll_drop(struct kms_scheduler *scheduler, struct poll **at);
/* By the target and the configuration as they are now. */
void kms_poll_set_interval(struct poll *poll);
void kms_poll_plan(struct poll *poll, int64_t at_us);
/* Nothing waits for it any more, and what runs is cancelled. */
void kms_poll_quit(struct poll *poll);
/* For those that count: it was asked, or will not be. */
void kms_poll_ended(struct poll *poll);
void kms_poll_count_silent(struct poll *poll, unsigned silent);
bool kms_poll_is_backed_off(const struct poll *poll);
bool kms_poll_is_in_rounds(const struct poll *poll);
void kms_held_let_go(struct held *held);

void kms_scheduler_begin_round(struct kms_scheduler *scheduler);
/* At most so many of each lane, now; the pump goes on with the others. */
void kms_scheduler_start_waiting(struct kms_scheduler *scheduler, size_t most);
/* After something was planned or queued. */
void kms_scheduler_set_pump(struct kms_scheduler *scheduler);
void kms_scheduler_pump(void *arg);

/* Tells those whose last answer came. */
void kms_scheduler_end_probe_nows(struct kms_scheduler *scheduler);
void kms_scheduler_free_probe_nows(struct kms_scheduler *scheduler);

#endif
