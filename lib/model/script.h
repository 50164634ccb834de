/* Lines of words, numbers and texts in quotes: the syntax that results, windows and recordings
 * have in common. */
#ifndef KMS_MODEL_SCRIPT_H
#define KMS_MODEL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define KMS_SCRIPT_WORD_MAX 64 /* longer than every word of the vocabulary and every number */

/* A reading cursor. A value on the stack, but for text. */
struct kms_script {
    struct kms_rd rd;
    size_t number;       /* of the line, from 1; 0: none was read */
    size_t start;        /* of the line, in rd */
    struct kms_rd line;  /* what is left of it */
    struct kms_buf text; /* the last text in quotes */
    struct kms_fault *fault;
};

void kms_script_init(struct kms_script *script, const char *text, size_t len,
                     struct kms_fault *fault);
void kms_script_done(struct kms_script *script);

/* The next line that says something: empty ones and those that begin with # are left out, and the
 * blanks around it. False at the end. */
bool kms_script_next(struct kms_script *script);
/* Whether all of the line was read. */
bool kms_script_at_end(const struct kms_script *script);
/* The next word of the line; "" at its end and for what is too long to be one. */
void kms_script_word(struct kms_script *script, char word[KMS_SCRIPT_WORD_MAX]);
/* A text in quotes, into script->text. The fault says what is wrong. */
enum kms_status kms_script_text(struct kms_script *script);
/* A number within min and max. */
enum kms_status kms_script_number(struct kms_script *script, int64_t min, int64_t max,
                                  int64_t *ret);

/* KMS_EINVAL at this line: what, and the word in quotes where it is not "". */
enum kms_status kms_script_wrong(struct kms_script *script, const char *what, const char *word);
enum kms_status kms_script_no_memory(struct kms_script *script);

/* Appends the text in quotes. Tabs and line ends become blanks, what kms_text_clean would not leave
 * as it is becomes ?. */
enum kms_status kms_script_write_text(struct kms_buf *buf, const char *text);

#endif
