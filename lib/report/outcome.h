/* The one outcome that names what a text is. Only for the files behind report/parse.h. */
#ifndef KMS_REPORT_OUTCOME_H
#define KMS_REPORT_OUTCOME_H

#include "report/reading.h"

/* After every line was read. Unless it is OK the report's detail says what and where. */
enum kms_outcome kms_reading_outcome(struct kms_reading *r);

#endif
