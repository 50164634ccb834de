/* Keeps the file of row numbers up to date without holding up the loop. */
#ifndef KMS_AGENT_INDEX_WRITER_H
#define KMS_AGENT_INDEX_WRITER_H

#include "agent/file_writer.h"
#include "store/index.h"

/* All must live until kms_file_writer_close. NULL: out of memory. */
struct kms_file_writer *kms_index_writer_open(struct kms_loop *loop, struct kms_worker *worker,
                                              struct kms_index *index, const struct kms_log *log);

#endif
