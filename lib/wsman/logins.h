/* Threads for what may wait for a KDC, so that a stopped one delays nobody else: jobs of one key
 * (the name of a credentials block) use a few threads at most, the others wait in line.
 */
#ifndef KMS_WSMAN_LOGINS_H
#define KMS_WSMAN_LOGINS_H

#include <stddef.h>
#include <stdint.h>

#include "probe/worker.h"

struct kms_logins;
struct kms_login_job;

#define KMS_LOGINS_THREADS 32 /* presets: eight blocks whose KDCs are all stopped leave none */
#define KMS_LOGINS_OF_KEY  4

/* NULL: out of memory. */
struct kms_logins *kms_logins_new(struct kms_loop *loop, size_t threads_max, size_t of_key_max);
/* As kms_worker_free: every job must be done or abandoned. NULL is fine. */
void kms_logins_free(struct kms_logins *logins, int64_t grace_ms);

/* As kms_worker_submit and kms_job_abandon; a job of a key that is busy begins later. The key is
 * copied. NULL: out of memory; then data stays the caller's. */
struct kms_login_job *kms_logins_submit(struct kms_logins *logins, const char *key,
                                        kms_job_fn *work, kms_job_fn *done, void *data);
void kms_logins_abandon(struct kms_login_job *job, kms_job_fn *drop);

#define KMS_LOGINS_REST_SIZE 200

/* Whoever logs in with this key was refused, and why: another host shall not try the same before
 * until_us of the monotonic clock. Each attempt brings the account nearer to being locked. Without
 * memory it is not kept. */
void kms_logins_rest(struct kms_logins *logins, const char *key, int64_t until_us, const char *why);
/* Why the key rests at now_us; NULL: it does not. Valid until the next call of kms_logins_rest. */
const char *kms_logins_rests(const struct kms_logins *logins, const char *key, int64_t now_us);

#endif
