/* Asks the servers of the watched domains' zones after each lookup: do they know the same records?
 */
#ifndef KMS_AGENT_AUTHORITIES_H
#define KMS_AGENT_AUTHORITIES_H

#include <stddef.h>
#include <stdint.h>

#include "dns/authority.h"
#include "model/zone.h"
#include "probe/probe.h"

#define KMS_AUTHORITIES_IN_FLIGHT_MAX 8 /* domains */

struct kms_authorities_config {
    struct kms_env *env; /* with a resolver */
    struct kms_zones *zones;
    const char *servers; /* NULL: those of the NS records */
    uint16_t port;       /* of servers found by NS records; 0: 53 */
    int64_t timeout_ms;
    /* Memory ran out, or a zone could not be published. */
    void (*failed)(void *arg, const char *domain, enum kms_status status);
    void *arg;
};

struct kms_authorities;

/* What config points to must live until kms_authorities_free. NULL: out of memory. */
struct kms_authorities *kms_authorities_new(const struct kms_authorities_config *config);
/* Cancels what runs. Not from inside a call back. NULL is fine. */
void kms_authorities_free(struct kms_authorities *authorities);

/* Asks for a domain that was just looked up, on a turn of its own: what the zone's servers say is
 * set against that answer, and published to the zone. One that is under way yet is not asked again.
 * A lookup without an answer asks nobody and makes unknown whether servers differ. */
void kms_authorities_ask(struct kms_authorities *authorities, size_t zone,
                         const struct kms_dns_domain *answer);

/* Other servers and another time limit for what is asked from now on. */
void kms_authorities_set(struct kms_authorities *authorities, const char *servers,
                         int64_t timeout_ms);
/* The domain is watched no longer: cancels what is asked for it. */
void kms_authorities_forget(struct kms_authorities *authorities, size_t zone);

#endif
