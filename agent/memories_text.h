/* Records of what hosts told: their names, and the place that they are about. */
#ifndef KMS_AGENT_MEMORIES_TEXT_H
#define KMS_AGENT_MEMORIES_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "model/board.h"
#include "model/result.h"
#include "model/target.h"
#include "model/window.h"

/* Where a source looks, as a number; source 0: where any of them does. A result of another place is
 * about another machine. */
uint64_t kms_memories_place(const struct kms_target *target, enum kms_source source);

/* The word that records of a host are named with. */
enum kms_status kms_memories_name_host(const char *host, struct kms_buf *word);
/* "HOST SOURCE", and the place before the text of the result; both buffers are overwritten. */
enum kms_status kms_memories_write_result(const struct kms_target *target,
                                          const struct kms_result *result, struct kms_buf *name,
                                          struct kms_buf *text);
enum kms_status kms_memories_read_result(const char *text, size_t len, uint64_t *ret_place,
                                         struct kms_result *ret);
/* "HOST IDENTITY"; with the time of the wall clock before it. */
enum kms_status kms_memories_write_window(const struct kms_target *target, const char *identity,
                                          const struct kms_window *window,
                                          const struct kms_now *now, const char *boot,
                                          struct kms_buf *name, struct kms_buf *text);
/* The time alone. */
enum kms_status kms_memories_read_window_wall(const char *text, size_t len, int64_t *ret_wall_s);
/* The name alone. */
enum kms_status kms_memories_name_window(const struct kms_target *target, const char *identity,
                                         struct kms_buf *name);
enum kms_status kms_memories_read_window(const char *text, size_t len, const struct kms_now *now,
                                         const char *boot, uint64_t *ret_place, int64_t *ret_wall_s,
                                         struct kms_window *ret);
/* Of a text of a result, the times and durations of which do not count. */
uint64_t kms_memories_content(const char *text);

/* Hosts of the board by the words that records are named with. */
struct kms_memories_host {
    char *word;
    size_t slot;
};
bool kms_memories_list_hosts(const struct kms_board *board, struct kms_memories_host **ret,
                             size_t *ret_count);
void kms_memories_free_hosts(struct kms_memories_host *host, size_t count);
/* name: of a record. */
const struct kms_memories_host *kms_memories_find_host(const struct kms_memories_host *host,
                                                       size_t count, const char *name);

#endif
