/* A report's logical lines: what a console broke at its last column is joined again, and each has
 * its kind. */
#ifndef KMS_REPORT_LINES_H
#define KMS_REPORT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "report/labels.h"

#define KMS_LINES_MAX 200000

struct kms_line {
    size_t at, len; /* in kms_lines.text, without blanks around */
    size_t number;  /* of the first physical line, from 1 */
    enum kms_line_kind kind;
    bool by_structure; /* the kind comes from the line's place, not from its label */
    bool has_colon;
    bool gap_before; /* a blank line stands before it */
    uint32_t langs;
    size_t label_len; /* up to the colon, or the whole line */
    size_t value;     /* byte of the text where the value begins */
    bool is_number;   /* the value is one whole number, -1 included */
    bool is_none;     /* the number says that there is none: -1, 4294967295 */
    uint32_t number_value;
};

/* Zeroed is empty. */
struct kms_lines {
    struct kms_buf text;
    struct kms_line *line;
    size_t count, cap;
    bool ended; /* the text ends in a line end */
};

void kms_lines_done(struct kms_lines *lines);
/* KMS_ETOOBIG for more than KMS_LINES_MAX lines. */
enum kms_status kms_lines_read(const struct kms_label_book *book, const char *text, size_t len,
                               struct kms_lines *ret);

const char *kms_line_text(const struct kms_lines *lines, const struct kms_line *line);
/* The value, blanks around it left out. */
const char *kms_line_value(const struct kms_lines *lines, const struct kms_line *line,
                           size_t *ret_len);
/* The first code of an error or of a state in the line: 0x and eight digits. */
bool kms_line_code(const struct kms_lines *lines, const struct kms_line *line, uint32_t *ret);

#endif
