/* Where the last report of a file begins that was written to again and again. */
#ifndef KMS_REPORT_LAST_REPORT_H
#define KMS_REPORT_LAST_REPORT_H

#include "report/lines.h"

/* Index of a line: such a file holds the version of the service, or the same product, more than
 * once. 0 for all others. */
size_t kms_last_report_begin(const struct kms_lines *lines);

#endif
