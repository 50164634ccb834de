/* What to do about a host or a domain that is not well: one sentence. */
#ifndef KMS_AGENT_CONTROL_NEXT_H
#define KMS_AGENT_CONTROL_NEXT_H

#include "model/board.h"
#include "model/zone.h"

/* The hint of a source that failed, else the advice for the first of the reasons; "" where there is
 * nothing to do. Static. */
const char *kms_control_next_step(const struct kms_snapshot *snapshot);
/* The same of a domain. */
const char *kms_control_next_step_of_domain(const struct kms_zone *zone);

#endif
