/* The verdict on the request counters of one key, with -w and -c in the place of the default
 * thresholds. */
#ifndef KMS_CHECKS_REQUESTS_H
#define KMS_CHECKS_REQUESTS_H

#include "frame.h"

enum kms_state kms_requests_state(const struct kms_check *check, size_t key);
/* "20 requests, 0 failed", with the window, or that there is none to be had. */
void kms_requests_text(const struct kms_check *check, size_t key, char *dst, size_t size);
/* "3 requests failed", for a line that says more than that; "" when none must be named. */
void kms_requests_short_text(const struct kms_check *check, size_t key, char *dst, size_t size);
/* What to do about failed requests, where there are any, and about a window that cannot be kept. */
void kms_requests_advice(struct kms_check *check);
/* requests_windows=20c failed_windows=0c, then what is new in the window. */
/* all: the rates too, which check_kms leaves out so that its line stays short. */
void kms_requests_perf(struct kms_check *check, bool all);
/* The node of the key's counters. */
void kms_requests_node(struct kms_check *check, unsigned depth, size_t key, enum kms_state state);
/* Whether a window is kept and since when; at -v the requests by the client's state. */
void kms_requests_details(struct kms_check *check, unsigned depth, size_t key);

#endif
