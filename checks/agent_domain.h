/* The daemon's last lookup of a domain, as if it had been made here. */
#ifndef KMS_CHECKS_AGENT_DOMAIN_H
#define KMS_CHECKS_AGENT_DOMAIN_H

#include "agent.h"
#include "dns/probe.h"

/* What was looked up, and what came of the bind to each record. */
struct kms_agent_domain {
    struct kms_dns_domain domain; /* lookup_us is below 0: the daemon does not keep it */
    enum kms_outcome *port;       /* for each record of its set; NONE: it is not known */
};

/* Asks for the domain, which the caller keeps. KMS_AGENT_CANNOT: agent says why, also where the
 * lookup is still to come or too long ago. What it gives is to be freed with
 * kms_agent_domain_done. */
enum kms_agent_end kms_agent_domain_ask(struct kms_agent *agent, const char *socket,
                                        const char *domain, int64_t time_ms,
                                        struct kms_agent_domain *ret);
void kms_agent_domain_done(struct kms_agent_domain *domain);

#endif
