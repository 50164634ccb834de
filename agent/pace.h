/* When something that is asked again and again is next due: its own time of the interval, and
 * less often when it says nothing. */
#ifndef KMS_AGENT_PACE_H
#define KMS_AGENT_PACE_H

#include <stdint.h>

/* Where in the interval the polls of that name lie: other names lie elsewhere, evenly spread, and
 * the same name lies there again after every outage and restart of the clock's count. */
int64_t kms_pace_phase_us(const char *name, unsigned salt, int64_t interval_us);

/* The first time of its own that is not before now, and half an interval or more after asked_us,
 * when it was last asked or should have been. times: of the interval, at least 1: that many
 * intervals later. */
int64_t kms_pace_next_us(int64_t phase_us, int64_t interval_us, unsigned times, int64_t asked_us,
                         int64_t now_us);

#define KMS_PACE_PATIENCE 3 /* silent polls in a row before one is asked less often */
/* How many intervals lie between two polls of what was silent that often in a row: 1, and from
 * KMS_PACE_PATIENCE on twice as many every time, up to most. */
unsigned kms_pace_back_off(unsigned silent, unsigned most);

#endif
