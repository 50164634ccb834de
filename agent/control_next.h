/* What to do about a host that is not well: one sentence. */
#ifndef KMS_AGENT_CONTROL_NEXT_H
#define KMS_AGENT_CONTROL_NEXT_H

#include "model/board.h"

/* The hint of a source that failed, else the advice for the first of the reasons; "" where there is
 * nothing to do. Static. */
const char *kms_control_next_step(const struct kms_snapshot *snapshot);

#endif
