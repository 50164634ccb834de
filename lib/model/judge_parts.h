/* What the parts of the judgement share: keys first, then classes, then the host. */
#ifndef KMS_MODEL_JUDGE_PARTS_H
#define KMS_MODEL_JUDGE_PARTS_H

#include "model/judge.h"

/* The fact's number, or otherwise when it is not known. */
static inline int64_t kms_fact_or(const struct kms_facts *facts, enum kms_fact_id id,
                                  int64_t otherwise)
{
    int64_t value = otherwise;
    (void)kms_facts_number(facts, id, &value);
    return value;
}

static inline void kms_worsen(enum kms_state *state, enum kms_state by)
{
    *state = kms_state_worse(*state, by);
}

/* Activation, expiry and failed requests of every merged key; marks superseded ones. */
void kms_judge_keys(const struct kms_evidence *evidence, const struct kms_policy *policy,
                    struct kms_judgement *ret);
bool kms_key_is_licensed(const struct kms_key_judgement *key);
/* Nothing tells its license status, but a client was answered: more a status could not say. */
bool kms_key_answers(const struct kms_key_judgement *key);

/* Every class that a judged key serves or the site relies on. */
void kms_judge_classes(const struct kms_evidence *evidence, const struct kms_policy *policy,
                       struct kms_judgement *ret);

/* For how long no client was counted, by the request windows of all keys: the fact IDLE_TIME, where
 * it is known. */
enum kms_status kms_judge_idle(const struct kms_evidence *evidence, struct kms_judgement *ret);

/* The port was probed, the result is not stale, and it is not "accepted". */
bool kms_judge_is_unreachable(const struct kms_judgement *judgement);

/* The host's own Windows says that it is no KMS host, and that is not too old. */
bool kms_judge_is_disowned(const struct kms_evidence *evidence,
                           const struct kms_judgement *judgement);
/* The last activation request was answered, not too long ago. */
bool kms_judge_is_answered(const struct kms_evidence *evidence,
                           const struct kms_judgement *judgement);

/* Any source said something, if only by not answering. */
bool kms_judge_has_result(const struct kms_evidence *evidence);
/* The last lookup says something of the host's publication, also one that failed in one domain and
 * found fault in another; not what is too old. */
bool kms_judge_knows_publication(const struct kms_evidence *evidence,
                                 const struct kms_judgement *judgement);
enum kms_state kms_judge_publication_state(const struct kms_judgement *judgement);

/* Fills the summary of a host that is judged otherwise. */
void kms_judge_summarise(const struct kms_evidence *evidence, struct kms_judgement *ret);

#endif
