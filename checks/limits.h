/* The thresholds of a count as performance data shows them. */
#ifndef KMS_CHECKS_LIMITS_H
#define KMS_CHECKS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/judge.h"
#include "output.h"

/* The limits that the verdict used, as ranges of the count that is shown: our own entry raises them
 * by one. declared: the site says which classes it relies on. */
void kms_count_limits(const struct kms_judgement *judgement, bool declared, size_t key,
                      int64_t count, struct kms_perf *perf);

#endif
