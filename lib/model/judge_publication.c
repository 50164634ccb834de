/* Judging one host in one DNS domain. */
#include "model/judge.h"

struct kms_publication_judgement kms_judge_publication(const struct kms_publication_evidence *e)
{
    struct kms_publication_judgement ret = {KMS_PUBLICATION_UNKNOWN, KMS_STATE_UNKNOWN};
    enum kms_state lost = e->other_healthy ? KMS_STATE_WARNING : KMS_STATE_CRITICAL;
    if (!e->looked_up) {
        return ret;
    }
    if (e->lookup_failed) {
        ret.publication = KMS_PUBLICATION_LOOKUP_FAILED;
        return ret;
    }
    if (!e->found) {
        bool by_choice = e->host_flag == KMS_PUBLISHING_DISABLED;
        ret.publication = by_choice ? KMS_PUBLICATION_DISABLED : KMS_PUBLICATION_MISSING;
        ret.state = e->expected ? lost : KMS_STATE_OK;
        return ret;
    }
    if (!e->port_right || !e->resolves) {
        ret.publication = e->port_right ? KMS_PUBLICATION_UNRESOLVABLE : KMS_PUBLICATION_WRONG_PORT;
        ret.state = e->expected ? lost : KMS_STATE_WARNING;
        return ret;
    }
    ret.publication = e->expected ? KMS_PUBLICATION_PUBLISHED : KMS_PUBLICATION_NOT_EXPECTED;
    ret.state = KMS_STATE_OK;
    return ret;
}
