/* Hash, grid and doubling. */
#include "agent/pace.h"

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

/* FNV-1a, and the last steps of MurmurHash3: names that differ in the last letter alone would lie
 * close together. */
static uint64_t hash(const char *name, unsigned salt)
{
    uint64_t h = (FNV_START ^ salt) * FNV_PRIME;
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * FNV_PRIME;
    }
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

int64_t kms_pace_phase_us(const char *name, unsigned salt, int64_t interval_us)
{
    return (int64_t)(hash(name, salt) % (uint64_t)interval_us);
}

int64_t kms_pace_next_us(int64_t phase_us, int64_t interval_us, unsigned times, int64_t asked_us,
                         int64_t now_us)
{
    int64_t least_us = asked_us + interval_us / 2 + (int64_t)(times - 1) * interval_us;
    least_us = least_us > now_us ? least_us : now_us;
    int64_t into_us = (least_us - phase_us) % interval_us;
    into_us += into_us < 0 ? interval_us : 0;
    return into_us == 0 ? least_us : least_us + interval_us - into_us;
}

unsigned kms_pace_back_off(unsigned silent, unsigned most)
{
    unsigned times = 1;
    for (unsigned i = KMS_PACE_PATIENCE; i <= silent && times < most; i++) {
        times *= 2;
    }
    return times < most ? times : most;
}
