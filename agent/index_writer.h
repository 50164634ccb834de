/* Keeps the file of row numbers up to date without holding up the loop: one write at a time, on a
 * worker's thread. */
#ifndef KMS_AGENT_INDEX_WRITER_H
#define KMS_AGENT_INDEX_WRITER_H

#include "base/log.h"
#include "base/loop.h"
#include "probe/worker.h"
#include "store/index.h"

struct kms_index_writer;

/* All must live until kms_index_writer_close. NULL: out of memory. */
struct kms_index_writer *kms_index_writer_open(struct kms_loop *loop, struct kms_worker *worker,
                                               struct kms_index *index, const struct kms_log *log);

/* Writes soon when the index has unsaved numbers: at once, or a second after the last write. A
 * failure is logged once, and the next call tries again. */
void kms_index_writer_poke(struct kms_index_writer *writer);

/* Waits for a write that runs, at most grace_ms, then saves what is left on this thread. When the
 * write hangs, nothing is saved over it. NULL is fine. */
void kms_index_writer_close(struct kms_index_writer *writer, int64_t grace_ms);

#endif
