/* Words of a line of a state file: blanks, control characters and '%' stand there as %20 and so on.
 */
#ifndef KMS_STORE_WORD_H
#define KMS_STORE_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/* The bytes up to the next blank, which is consumed; false when nothing is there. */
bool kms_word_take(struct kms_rd *rd, const char **ret_word, size_t *ret_len);
/* The next word of the line with %41 as one byte. KMS_ESYNTAX: there is none, or it holds control
 * characters or a zero byte. */
enum kms_status kms_word_read(struct kms_rd *line, struct kms_buf *ret);
enum kms_status kms_word_write(struct kms_buf *text, const char *word);

#endif
