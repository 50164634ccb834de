/* Several sources as one set of facts: the highest that is not stale wins, contradictions are
 * named. */
#ifndef KMS_MODEL_MERGE_H
#define KMS_MODEL_MERGE_H

#include "model/judge.h"

/* Fills host, key, drift and the sources of ret from the evidence; ret->source[] must be judged
 * already. */
enum kms_status kms_merge(const struct kms_evidence *evidence, struct kms_judgement *ret);

#endif
