/* From a result to a sample of a key's request window. */
#ifndef KMS_MODEL_SAMPLE_H
#define KMS_MODEL_SAMPLE_H

#include <stdbool.h>

#include "model/result.h"
#include "model/window.h"

/* False when the key shows no counters. What the host itself told over the network is of the moment
 * in which it came. The time of a report is the youngest that the evidence allows where a file or
 * the present bounds it: the report's own clock has no zone, and a day whose date is ambiguous must
 * not seem to lie hours before the day after it. */
bool kms_sample_of(const struct kms_result *result, const struct kms_facts *key,
                   const struct kms_now *now, struct kms_window_reading *ret);

#endif
