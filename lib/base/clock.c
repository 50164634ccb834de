/* The machine's clocks behind the interface that tests replace. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_us(clockid_t which)
{
    struct timespec ts;
    if (clock_gettime(which, &ts) != 0) {
        return 0;
    }
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_mono(void *arg)
{
    (void)arg;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *arg)
{
    (void)arg;
    return read_us(CLOCK_REALTIME);
}

struct kms_clock kms_clock_system(void)
{
    return (struct kms_clock){.mono_us = system_mono, .wall_us = system_wall};
}

int64_t kms_clock_mono_us(const struct kms_clock *clock)
{
    return clock->mono_us(clock->arg);
}

int64_t kms_clock_wall_s(const struct kms_clock *clock)
{
    return clock->wall_us(clock->arg) / 1000000;
}
