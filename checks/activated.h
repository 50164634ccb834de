/* What a host answered to an activation request, as a plugin shows it. */
#ifndef KMS_CHECKS_ACTIVATED_H
#define KMS_CHECKS_ACTIVATED_H

#include "model/judge.h"
#include "model/result.h"
#include "output.h"

/* Text of the first line, behind what is there; performance data; long lines. */
void kms_activated_show(struct kms_output *out, const struct kms_target *target,
                        const struct kms_result *result, const struct kms_judgement *judgement);

#endif
