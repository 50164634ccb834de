/* What the servers of a zone say, beside the resolver: the verdict and its texts. */
#ifndef KMS_CHECKS_AUTHORITATIVE_H
#define KMS_CHECKS_AUTHORITATIVE_H

#include <stdbool.h>

#include "dns/authority.h"
#include "output.h"

/* Adds to out. WARNING when servers differ or one of them gives no answer, UNKNOWN when none was
 * found or none answers; that the resolver says something else is shown only: it may remember what
 * was so before. several: the labels of performance data name the domain. */
enum kms_state kms_authoritative_show(const struct kms_authority *authority,
                                      const struct kms_dns_domain *resolver, bool several,
                                      struct kms_output *out);

#endif
