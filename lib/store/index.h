/* Stable numbers for names: MIB indexes live in them. They are in memory; what is new is told to
 * whoever keeps it. */
#ifndef KMS_STORE_INDEX_H
#define KMS_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct kms_index;

/* NULL: out of memory. */
struct kms_index *kms_index_new(void);
void kms_index_free(struct kms_index *index);

/* The number of name in the space ("host", "key/3"), the next free one (from 1, never one that was
 * used before) when it is new. 0 when memory ran out. */
uint32_t kms_index_get(struct kms_index *index, const char *space, const char *name);
/* 0: the name has none yet. */
uint32_t kms_index_find(const struct kms_index *index, const char *space, const char *name);
/* Whether so many names of the space that are like this one have a number. */
typedef bool kms_index_like_fn(const char *a, const char *b);
bool kms_index_has_many(const struct kms_index *index, const char *space, const char *name,
                        kms_index_like_fn *like, size_t many);

/* Calls for every number that was not told yet: name is "SPACE NAME", or "SPACE" for the next
 * number that the space gives, in words as lib/store/word.h writes them; bytes are the digits.
 * Whatever tell returns but KMS_OK ends it; the rest is told next time. */
typedef enum kms_status kms_index_tell_fn(void *arg, const char *name, const char *bytes,
                                          size_t len);
enum kms_status kms_index_tell(struct kms_index *index, kms_index_tell_fn *tell, void *arg);
/* All of them are to be told once more. */
void kms_index_untell(struct kms_index *index);

/* Takes back what was told; false: it cannot be read, or the name has another number, which it
 * keeps. Afterwards kms_index_settle, before any number is given: of two names with one number the
 * later one loses it (it gets a new one when it is asked for), and nothing is given twice. */
bool kms_index_load(struct kms_index *index, const char *name, const char *bytes, size_t len);
enum kms_status kms_index_settle(struct kms_index *index, size_t *ret_lost);

/* Takes over the file of an earlier release, and settles. A line that cannot be read is an error
 * with its line number and changes nothing; nothing is guessed, since a wrong number would move a
 * row. KMS_ENOTFOUND: there is no such file. KMS_EDENIED: it may not be read. ret_lost: names that
 * have another number already. */
enum kms_status kms_index_take_over(struct kms_index *index, const char *path, size_t *ret_count,
                                    size_t *ret_lost, struct kms_fault *fault);

#endif
