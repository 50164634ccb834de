/* What DNS said about a domain, in the words of the model. */
#ifndef KMS_AGENT_LOOKUP_RECORD_H
#define KMS_AGENT_LOOKUP_RECORD_H

#include <stdbool.h>

#include "dns/probe.h"
#include "model/zone.h"

/* ret_record owns the records that ret points to: the caller frees it. False: out of memory, ret
 * then says so. */
bool kms_lookup_take(const struct kms_dns_domain *domain, int64_t wall_s,
                     struct kms_zone_lookup *ret, struct kms_zone_record **ret_record);
/* A lookup that could not be made. */
struct kms_zone_lookup kms_lookup_without_memory(int64_t wall_s);

#endif
