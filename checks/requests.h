/* The verdict on the request counters of one key, with -w and -c in the place of the default
 * thresholds. */
#ifndef KMS_CHECKS_REQUESTS_H
#define KMS_CHECKS_REQUESTS_H

#include "frame.h"

enum kms_state kms_requests_state(const struct kms_check *check, size_t key);
/* requests_windows=20c failed_windows=0c, then what is new in the window. */
/* all: the rates too, which check_kms leaves out so that its line stays short. */
void kms_requests_perf(struct kms_check *check, bool all);
/* Whether a window is kept and since when; at -v the requests by the client's state. */
void kms_requests_details(struct kms_check *check, unsigned depth, size_t key);

#endif
