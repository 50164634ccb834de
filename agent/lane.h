/* A bound on how many probes of one kind run at once, such that slow ones keep nobody waiting. */
#ifndef KMS_AGENT_LANE_H
#define KMS_AGENT_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kms_place_state {
    KMS_PLACE_NONE,
    KMS_PLACE_WAITS,
    KMS_PLACE_COUNTS, /* runs, and counts among the brisk ones */
    KMS_PLACE_SLOW    /* runs, and has made way for others */
};

/* A place in the lane, inside of what runs. Zeroed: none. */
struct kms_place {
    struct kms_place *before, *next;
    void *owner;
    int64_t since_us;           /* it waits, or runs, since then */
    enum kms_place_state state; /* read only, like the rest */
    bool known_slow;            /* it was slow last time, and goes with its like */
};

struct kms_places {
    struct kms_place *first, *last;
    size_t count;
};

/* First come, first served. One that runs for longer than patience_us makes way: it counts no more
 * among the brisk ones, only among all. Those known to be slow wait for each other alone. */
struct kms_lane {
    size_t brisk_max;    /* that run and have not made way */
    size_t slow_max;     /* that are known to be slow */
    size_t most;         /* that run at all: what they hold is bounded */
    int64_t patience_us; /* 0: none ever makes way */
    size_t running, slow_running, brisk_in_a_row;
    struct kms_places waiting, slow_waiting, counting; /* the last in the order of their start */
};

/* Queues it, before all others when it is urgent. Only a place that is in no lane. */
void kms_lane_ask(struct kms_lane *lane, struct kms_place *place, bool known_slow, bool urgent,
                  int64_t now_us);
/* Takes the next that may run out of the queue, which then does. NULL: none may. */
struct kms_place *kms_lane_next(struct kms_lane *lane, int64_t now_us);
bool kms_lane_may_start(const struct kms_lane *lane);
/* It waits no longer, or runs no longer: the next may. Any place. */
void kms_lane_leave(struct kms_lane *lane, struct kms_place *place);
/* Those whose time is over make way. Returns when that is next the case; INT64_MAX: never. */
int64_t kms_lane_make_way(struct kms_lane *lane, int64_t now_us);

#endif
