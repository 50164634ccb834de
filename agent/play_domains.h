/* The domains of a recording: what a lookup gives at a moment of the course. */
#ifndef KMS_AGENT_PLAY_DOMAINS_H
#define KMS_AGENT_PLAY_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/probe.h"
#include "model/recording.h"

struct kms_play_domains;

/* The recording must live as long. NULL: out of memory. */
struct kms_play_domains *kms_play_domains_new(const struct kms_recording *recording);
void kms_play_domains_free(struct kms_play_domains *domains);

/* The lookup of a domain so long after the course began, as kms_dns_start would have it. A domain
 * that is not in the recording is one that the monitor failed to look up. ret has the name, which
 * the caller keeps, and is the caller's to free with kms_dns_domain_done. */
void kms_play_domains_turn(struct kms_play_domains *domains, const char *name, int64_t gone_ms,
                           struct kms_dns_domain *ret);

/* What the zone's servers said beside the domain's last lookup. False: that is not told. */
bool kms_play_domains_servers(const struct kms_play_domains *domains, const char *name,
                              struct kms_zone_servers *ret);

/* What a bind to this target and port meets: as the lookup says that named it last, in whatever
 * domain. UNKNOWN: none does. */
enum kms_rpc_state kms_play_domains_bind(const struct kms_play_domains *domains, const char *target,
                                         int64_t port);

#endif
