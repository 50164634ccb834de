/* What one line of a report says, as facts. Only for the files behind report/parse.h. */
#ifndef KMS_REPORT_LINE_FACTS_H
#define KMS_REPORT_LINE_FACTS_H

#include "report/reading.h"

/* In the order of the lines; the language must be known and its words learned. */
void kms_line_facts(struct kms_reading *r, size_t index);

#endif
