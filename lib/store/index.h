/* Stable numbers for names: a small text file, replaced as a whole, that MIB indexes live in. */
#ifndef KMS_STORE_INDEX_H
#define KMS_STORE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct kms_index;

/* Reads path, which need not exist yet; NULL path: in memory only. A line that cannot be read is an
 * error with its line number; nothing is guessed, since a wrong number would move a row. */
enum kms_status kms_index_open(const char *path, struct kms_index **ret, struct kms_fault *fault);
void kms_index_free(struct kms_index *index);

/* The number of name in the space ("host", "key/3"), the next free one (from 1, never one that was
 * used before) when it is new. 0 when memory ran out. Nothing is written yet. */
uint32_t kms_index_get(struct kms_index *index, const char *space, const char *name);
/* 0: the name has none yet. */
uint32_t kms_index_find(const struct kms_index *index, const char *space, const char *name);
/* Whether so many names of the space that are like this one have a number. */
typedef bool kms_index_like_fn(const char *a, const char *b);
bool kms_index_has_many(const struct kms_index *index, const char *space, const char *name,
                        kms_index_like_fn *like, size_t many);
/* Writes the file when there is something new in it. On failure the numbers stay in force and the
 * next save tries again. */
enum kms_status kms_index_save(struct kms_index *index, struct kms_fault *fault);

/* The same in steps, for a program that may not block: render on the loop's thread, write on a
 * worker's, tell the index afterwards. mark says which numbers the text holds; those made since are
 * unsaved still. */
bool kms_index_unsaved(const struct kms_index *index);
enum kms_status
kms_index_render(const struct kms_index *index, struct kms_buf *ret_text,
                 uint64_t *ret_mark); /* the caller frees ret_text with kms_buf_done */
enum kms_status kms_index_write(const char *path, const struct kms_buf *text,
                                struct kms_fault *fault);
void kms_index_saved(struct kms_index *index, uint64_t mark);
/* NULL: in memory only. */
const char *kms_index_path(const struct kms_index *index);

#endif
