/* New configuration without a gap: read and validated beside the loop, then swapped in as a whole,
 * or not at all. */
#ifndef KMS_AGENT_RELOAD_H
#define KMS_AGENT_RELOAD_H

#include <stdbool.h>

struct kms_reload;

/* What became of it; errors are the lines "file:line: what is wrong", "" when it is in force.
 * summary: "2 hosts added, 1 removed, 9998 unchanged", and what waits for a restart. */
typedef void kms_reload_done_fn(void *arg, bool in_force, const char *summary, const char *errors);

/* One at a time: a call while one runs is answered with the run that follows it. done may be NULL
 * (SIGHUP: the log tells). False: out of memory. */
bool kms_reload_start(struct kms_reload *reload, kms_reload_done_fn *done, void *arg);
/* done is not called any more for this arg. */
void kms_reload_forget(struct kms_reload *reload, void *arg);

#endif
