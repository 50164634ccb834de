/* From a result to a sample of a key's request window. */
#ifndef KMS_MODEL_SAMPLE_H
#define KMS_MODEL_SAMPLE_H

#include <stdbool.h>

#include "model/result.h"
#include "model/window.h"

/* False when the key shows no counters. The sample's time is the youngest that the evidence allows
 * where a file or the present bounds it: the report's own clock has no zone, and a day whose date
 * is ambiguous must not seem to lie hours before the day after it. */
bool kms_sample_of(const struct kms_result *result, const struct kms_facts *key,
                   struct kms_window_sample *ret);

#endif
