/* Several sources as one set of facts: the highest that is not stale wins, contradictions are
 * named. */
#ifndef KMS_MODEL_MERGE_H
#define KMS_MODEL_MERGE_H

#include <stdbool.h>

#include "model/judge.h"

/* Whether the word of a counts where both speak: WS-Man, then the report, then the wire. */
bool kms_source_outranks(enum kms_source a, enum kms_source b);
/* The host's own Windows says, in its last answer, that it is no KMS host. */
bool kms_evidence_disowns(const struct kms_evidence *evidence);
/* The result a source is judged by; NULL: there is none. What answers by not answering counts as it
 * is, data sources by the last success; that Windows is no KMS host is an answer, too. */
const struct kms_result *kms_evidence_result(const struct kms_evidence *evidence,
                                             enum kms_source source);

/* Fills host, key, drift and the sources of ret from the evidence; ret->source[] must be judged
 * already. */
enum kms_status kms_merge(const struct kms_evidence *evidence, struct kms_judgement *ret);

#endif
