/* An activation request as a command line asks for it, and what came of it as a plugin shows it. */
#ifndef KMS_CHECKS_ACTIVATED_H
#define KMS_CHECKS_ACTIVATED_H

#include <stdbool.h>
#include <stddef.h>

#include "model/judge.h"
#include "model/result.h"
#include "output.h"

/* Whether a host can be asked for the product of that name; else why not. NULL: none was named. */
bool kms_activated_product(const char *name, char *why, size_t size);

/* Text of the first line, behind what is there; performance data; long lines. */
void kms_activated_show(struct kms_output *out, const struct kms_target *target,
                        const struct kms_result *result, const struct kms_judgement *judgement);

#endif
