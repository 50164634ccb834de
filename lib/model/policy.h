/* The numbers that decide: every one is an option, the defaults are those of the judgement rules.
 */
#ifndef KMS_MODEL_POLICY_H
#define KMS_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"
#include "vocab/vocab.h"

struct kms_policy {
    int64_t required[KMS_CLASS_MAX + 1]; /* by enum kms_client_class: 25, 5, 5, 5 */
    int64_t expires_warning_ms;          /* 30 days */
    int64_t expires_critical_ms;         /* 7 days */
    int64_t requests_window_ms;          /* 1 hour */
    int64_t failed_warning; /* failed requests in the window: alert when more than this ... */
    int64_t failed_critical;
    int64_t failed_ratio_warning; /* ... and more than this many per mille of all requests */
    int64_t failed_ratio_critical;
    int64_t skew_warning_ms;  /* 10 minutes; a KMS host refuses beyond 4 hours */
    int64_t skew_critical_ms; /* 3 hours */
};

/* Option rows over struct kms_policy, ended by KMS_OPT_END: section "judgement", long options for
 * the plugins. */
const struct kms_opt *kms_policy_opts(void);
/* All defaults. */
void kms_policy_preset(struct kms_policy *policy);

/* The number of a row, as it stands in the policy. */
int64_t kms_policy_get(const struct kms_policy *policy, const struct kms_opt *row);
/* False: the row does not allow this number, and nothing is changed. */
bool kms_policy_set(struct kms_policy *policy, const struct kms_opt *row, int64_t number);
/* Where a row stands among all that a policy has: below KMS_POLICY_PLACES, no two rows in one. */
#define KMS_POLICY_PLACES (sizeof(struct kms_policy) / sizeof(int64_t))
size_t kms_policy_place(const struct kms_opt *row);

#endif
