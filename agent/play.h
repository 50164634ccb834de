/* Probes and lookups that play a recording in the place of asking hosts and name servers:
 * everything else is the daemon as it is. */
#ifndef KMS_AGENT_PLAY_H
#define KMS_AGENT_PLAY_H

#include "base/clock.h"
#include "dns/probe.h"
#include "model/recording.h"
#include "probe/probe.h"

struct kms_play;

/* The course begins now. recording and clock must live as long as the play. NULL: out of memory. */
struct kms_play *kms_play_new(const struct kms_recording *recording, const struct kms_clock *clock);
void kms_play_free(struct kms_play *play);

/* One for each source, ended by NULL; env->play is what they play. With domains in the recording
 * source dns is none of them: what it says of hosts follows from the domains.
 *
 * A poll tells what agent/course.h says. Times are moved: what was true so long before it was told
 * is true so long before now. A report's times are moved once, when it is due, since a file grows
 * old. The bind of a host that the recording does not have, such as one that is discovered, is that
 * of its record. */
const struct kms_probe_type *const *kms_play_types(const struct kms_play *play);
/* The bind probe of what a record leads to: what the lookup told last that named it. */
const struct kms_probe_type *kms_play_bind(void);

/* A lookup of a domain, in the manner of kms_dns_start. */
struct kms_played_lookup;
struct kms_played_lookup *kms_played_lookup_start(struct kms_env *env, const char *domain,
                                                  kms_dns_done_fn *done, void *arg);
void kms_played_lookup_cancel(struct kms_played_lookup *lookup);
/* What the zone's servers said beside the last lookup of the domain. False: that is not told. */
bool kms_play_servers(const struct kms_play *play, const char *domain,
                      struct kms_zone_servers *ret);

#endif
