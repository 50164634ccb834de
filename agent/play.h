/* Probes that play a recording in the place of asking hosts: everything else is the daemon as it
 * is. */
#ifndef KMS_AGENT_PLAY_H
#define KMS_AGENT_PLAY_H

#include "base/clock.h"
#include "model/recording.h"
#include "probe/probe.h"

struct kms_play;

/* The course begins now. recording and clock must live as long as the play. NULL: out of memory. */
struct kms_play *kms_play_new(const struct kms_recording *recording, const struct kms_clock *clock);
void kms_play_free(struct kms_play *play);

/* One for each source, ended by NULL; env->play is what they play.
 *
 * A poll tells what was recorded last up to this moment of the course; what is recorded for the
 * same time is told poll by poll, the last of it from then on. The first of a source counts from
 * the beginning. Times are moved: what was true so long before it was told is true so long before
 * now. A report's times are moved once, when it is due, since a file grows old. */
const struct kms_probe_type *const *kms_play_types(void);

#endif
