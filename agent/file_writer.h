/* Keeps a state file up to date without holding up the loop: one write at a time, on a worker's
 * thread. */
#ifndef KMS_AGENT_FILE_WRITER_H
#define KMS_AGENT_FILE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "probe/worker.h"

/* What is written. All of it must live until kms_file_writer_close. */
struct kms_file_source {
    const char *name; /* of log lines: "index" */
    const char *kept; /* of log lines, with its verb: "new row numbers are" */
    const char *path;
    bool (*unsaved)(void *arg);
    /* The whole text, which the caller frees with kms_buf_done, and what it holds. On failure
     * ret_text is empty. */
    enum kms_status (*render)(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark);
    void (*saved)(void *arg, uint64_t mark); /* what the mark says is on the disk */
    void *arg;
};

struct kms_file_writer;

/* source is copied. NULL: out of memory. */
struct kms_file_writer *kms_file_writer_open(struct kms_loop *loop, struct kms_worker *worker,
                                             const struct kms_file_source *source,
                                             const struct kms_log *log);

/* Writes soon when something is unsaved: at once, or a second after the last write. A failure is
 * logged once, and the next call tries again. */
void kms_file_writer_poke(struct kms_file_writer *writer);

/* Waits for a write that runs, at most grace_ms, then saves what is left on this thread. When the
 * write hangs, nothing is saved over it. NULL is fine. */
void kms_file_writer_close(struct kms_file_writer *writer, int64_t grace_ms);

#endif
