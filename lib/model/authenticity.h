/* Whether a host looks like a genuine KMS host: independent hints against it, and what they make
 * together. A count at its ceiling is none: that of a busy host is always there. */
#ifndef KMS_MODEL_AUTHENTICITY_H
#define KMS_MODEL_AUTHENTICITY_H

#include "model/judge.h"

#define KMS_HINTS_SUSPICIOUS 2    /* hints: one alone has innocent reasons */
#define KMS_NDR64_BUILD      9200 /* Windows 8, Windows Server 2012: hosts from there on take NDR64 */

/* By what the wire showed (KMS_FACT_HINTS, KMS_FACT_NDR64), the ePIDs of the merged keys and their
 * changes; sets
 * AUTHENTICITY and AUTHENTICITY_REASONS of ret->host, which must be merged already. Nothing is set
 * when nothing is known. */
enum kms_status kms_authenticity_judge(const struct kms_evidence *evidence,
                                       struct kms_judgement *ret);

#endif
