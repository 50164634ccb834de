/* Which language a report is in, and its words for the status of a license. */
#ifndef KMS_REPORT_LANGUAGE_H
#define KMS_REPORT_LANGUAGE_H

#include "report/labels.h"
#include "report/lines.h"

/* The language most labels are in; English wins a draw. It takes three labels, or one that only
 * slmgr has, else "unknown". Static, or of the book. */
const char *kms_language_find(const struct kms_label_book *book, const struct kms_lines *lines);
/* The six request lines name the status words of the report's own language; without them ret is
 * left as it is. It points into the lines. */
void kms_language_words(const struct kms_lines *lines, struct kms_status_words *ret);

#endif
