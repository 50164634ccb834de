/* The verdict on the activation of one host key, with -w and -c on the days left. */
#ifndef KMS_CHECKS_LICENSE_H
#define KMS_CHECKS_LICENSE_H

#include "frame.h"

enum kms_state kms_license_state(const struct kms_check *check, size_t key);
/* licensed_windows=1, expires_windows in days, rearms_windows. */
void kms_license_perf(struct kms_check *check);

#endif
