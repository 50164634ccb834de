/* The verdict on the count of one key, with -w and -c in the place of the default thresholds. */
#ifndef KMS_CHECKS_COUNT_H
#define KMS_CHECKS_COUNT_H

#include "frame.h"

enum kms_state kms_count_state(const struct kms_check *check, size_t key);
/* What to do about counts that -w or -c find wrong: too many is not answered with more. */
void kms_count_range_advice(struct kms_check *check);
/* count_windows and so on, then headroom_client and so on. */
void kms_count_perf(struct kms_check *check);

#endif
