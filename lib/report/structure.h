/* Lines whose label is in no list get their kind from their place: slmgr prints the same order in
 * every language. */
#ifndef KMS_REPORT_STRUCTURE_H
#define KMS_REPORT_STRUCTURE_H

#include "report/lines.h"

void kms_structure_apply(struct kms_lines *lines);

#endif
