/* The verdict on the activation of one host key, with -w and -c on the days left. */
#ifndef KMS_CHECKS_LICENSE_H
#define KMS_CHECKS_LICENSE_H

#include "frame.h"

enum kms_state kms_license_state(const struct kms_check *check, size_t key);
/* The state of the key for the first line: codes keep their name and lose their explanation. */
void kms_license_short_text(const struct kms_check *check, size_t key, char *dst, size_t size);
/* licensed_windows=1, expires_windows in days, rearms_windows. */
void kms_license_perf(struct kms_check *check);

#endif
