/* Time as an input: programs use the system clock, tests give one of their own. */
#ifndef KMS_BASE_CLOCK_H
#define KMS_BASE_CLOCK_H

#include <stdint.h>

struct kms_clock {
    /* never goes back, and counts on while the machine sleeps; for durations and deadlines */
    int64_t (*mono_us)(void *arg);
    int64_t (*wall_us)(
        void *arg); /* microseconds since 1970-01-01 UTC; for display and for the age of data */
    void *arg;
};

/* The machine's clocks. */
struct kms_clock kms_clock_system(void);

/* A clock that starts with another one and runs so many times as fast. */
struct kms_quick_clock {
    struct kms_clock clock; /* the other one */
    int64_t speed;
    int64_t mono_us, wall_us; /* of the start */
};
/* quick must live as long as the clock that is returned. */
struct kms_clock kms_clock_quick(struct kms_quick_clock *quick, const struct kms_clock *clock,
                                 int64_t speed);

int64_t kms_clock_mono_us(const struct kms_clock *clock);
int64_t kms_clock_wall_s(const struct kms_clock *clock);

/* One moment on both clocks: steady for how long ago something was, wall for what it is called. */
struct kms_now {
    int64_t steady_s; /* of mono_us: means something until the machine starts again */
    int64_t wall_s;
};
struct kms_now kms_clock_now(const struct kms_clock *clock);

/* How far the wall clock is ahead of the steady one: the same until somebody sets the wall clock.
 */
int64_t kms_clock_apart_us(const struct kms_clock *clock);
/* By how many whole seconds the wall clock was set since they were so far apart. */
int64_t kms_clock_set_by_s(const struct kms_clock *clock, int64_t apart_us);

/* Names the start of the machine since which the system's steady clock counts; "" where the kernel
 * does not tell. */
#define KMS_BOOT_SIZE 40
void kms_clock_boot(char dst[KMS_BOOT_SIZE]);

#endif
