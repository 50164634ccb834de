/* Threads for what may block: files on network mounts. Work comes back through the loop. */
#ifndef KMS_PROBE_WORKER_H
#define KMS_PROBE_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct kms_worker;
struct kms_job;

/* At most threads_max threads, started when jobs wait and none is free. NULL: out of memory. */
struct kms_worker *kms_worker_new(struct kms_loop *loop, size_t threads_max);
/* Running jobs are not waited for longer than grace_ms; a thread that hangs in the kernel is left
 * behind (its memory stays reachable to it). No call backs any more, but for the drops of abandoned
 * jobs: during this call, or by a thread left behind once its job ended. Jobs are invalid
 * afterwards; the data of one that was not abandoned stays its owner's. */
void kms_worker_free(struct kms_worker *worker, int64_t grace_ms);

/* work runs on a thread and touches only data; done runs on the loop's thread afterwards and frees
 * data. The job is valid until done begins. NULL: out of memory, or no thread to be had; then data
 * stays the caller's. */
typedef void kms_job_fn(void *data);
struct kms_job *kms_worker_submit(struct kms_worker *worker, kms_job_fn *work, kms_job_fn *done,
                                  void *data);
/* Forgets the job: done is not called; drop(data) is called once nothing uses data any more (at
 * once when the job had not begun, else on the loop's thread after it ended). drop may be NULL.
 * Once for each job. */
void kms_job_abandon(struct kms_job *job, kms_job_fn *drop);
/* The same, but the work is done all the same: what must reach the disk although nobody waits for
 * it. kms_worker_free waits for it as for a running job, and gives the data back undone when that
 * takes too long. */
void kms_job_release(struct kms_job *job, kms_job_fn *drop);

#endif
