/* The machine's clocks behind the interface that tests replace. */
#include "base/clock.h"

#include <fcntl.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define LOOKS_MAX 3
#define LOOK_US   100000 /* no more lies between two looks at clocks, but that one was stopped */

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
    return read_us(CLOCK_BOOTTIME);
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

static int64_t gone_us(const struct kms_quick_clock *quick)
{
    return (quick->clock.mono_us(quick->clock.arg) - quick->mono_us) * quick->speed;
}

static int64_t quick_mono(void *arg)
{
    const struct kms_quick_clock *quick = arg;
    return quick->mono_us + gone_us(quick);
}

static int64_t quick_wall(void *arg)
{
    const struct kms_quick_clock *quick = arg;
    return quick->wall_us + gone_us(quick);
}

struct kms_clock kms_clock_quick(struct kms_quick_clock *quick, const struct kms_clock *clock,
                                 int64_t speed)
{
    *quick = (struct kms_quick_clock){.clock = *clock,
                                      .speed = speed > 1 ? speed : 1,
                                      .mono_us = clock->mono_us(clock->arg),
                                      .wall_us = clock->wall_us(clock->arg)};
    return (struct kms_clock){.mono_us = quick_mono, .wall_us = quick_wall, .arg = quick};
}

int64_t kms_clock_mono_us(const struct kms_clock *clock)
{
    return clock->mono_us(clock->arg);
}

int64_t kms_clock_wall_s(const struct kms_clock *clock)
{
    return clock->wall_us(clock->arg) / 1000000;
}

struct kms_now kms_clock_now(const struct kms_clock *clock)
{
    return (struct kms_now){.steady_s = kms_clock_mono_us(clock) / 1000000,
                            .wall_s = kms_clock_wall_s(clock)};
}

/* Who was stopped between the two looks saw two times, and looks again. */
int64_t kms_clock_apart_us(const struct kms_clock *clock)
{
    int64_t apart_us = 0;
    for (int tries = 0; tries < LOOKS_MAX; tries++) {
        int64_t before_us = kms_clock_mono_us(clock);
        apart_us = clock->wall_us(clock->arg) - before_us;
        if (kms_clock_mono_us(clock) - before_us < LOOK_US) {
            break;
        }
    }
    return apart_us;
}

int64_t kms_clock_set_by_s(const struct kms_clock *clock, int64_t apart_us)
{
    return (kms_clock_apart_us(clock) - apart_us) / 1000000;
}

/* One word of the kernel: letters, digits and dashes. */
void kms_clock_boot(char dst[KMS_BOOT_SIZE])
{
    dst[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t len = read(fd, dst, KMS_BOOT_SIZE - 1);
    (void)close(fd);
    size_t at = 0;
    while (len > 0 && at < (size_t)len && dst[at] > ' ' && dst[at] < 0x7F) {
        at++;
    }
    dst[at] = '\0';
}
