/* One product of a report, from its first line to its last. Only for the files behind
 * report/parse.h. */
#ifndef KMS_REPORT_BLOCK_H
#define KMS_REPORT_BLOCK_H

#include "report/reading.h"

/* Ends the product that is open, if any: a host key joins the report, all else is counted. */
void kms_block_end(struct kms_reading *r);
void kms_block_begin(struct kms_reading *r);

#endif
