/* Binds to the KMS port of many hosts, a limited number at once. */
#ifndef KMS_CHECKS_PROBER_H
#define KMS_CHECKS_PROBER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "probe/probe.h"
#include "probed.h"

/* Opens clock, loop and, where names are looked up, the resolver of these servers (NULL: the
 * system's). kms_prober_close in any case. */
enum kms_status kms_prober_open(struct kms_env *env, const char *servers, bool names,
                                struct kms_fault *fault);
void kms_prober_close(struct kms_env *env);

/* Called now and then with how many are done; NULL: not wanted. */
typedef void kms_prober_progress_fn(void *arg, size_t finished, size_t all);

/* Fills the result of each; the targets are filled already. False: out of memory. */
bool kms_prober_run(struct kms_env *env, struct kms_probed *probed, size_t count,
                    kms_prober_progress_fn *progress, void *arg);

#endif
