/* Finds the key on the board that stands best for a host. */
#include "agent/known_key.h"

#include "base/text.h"
#include "model/board.h"

static const struct kms_judgement *judgement_of(const struct kms_board *board,
                                                const struct kms_target *target)
{
    for (size_t slot = 0; slot < kms_board_count(board); slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, slot);
        if (snapshot->target == target) {
            return &snapshot->judgement;
        }
    }
    return NULL;
}

/* 0: nothing that the host itself said of a key that it may serve with. */
static int worth(const struct kms_key_judgement *key)
{
    bool told = key->source == KMS_SOURCE_WSMAN || key->source == KMS_SOURCE_REPORT;
    if (!told || key->stale || key->superseded) {
        return 0;
    }
    int64_t status = KMS_LICENSE_UNKNOWN;
    (void)kms_facts_number(&key->facts, KMS_FACT_LICENSE_STATUS, &status);
    return 1 + (status == KMS_LICENSE_LICENSED ? 2 : 0) +
           (key->application == KMS_APPLICATION_WINDOWS ? 1 : 0);
}

void kms_known_key_of(void *board, const struct kms_target *target, struct kms_known_key *ret)
{
    const struct kms_judgement *judgement = judgement_of(board, target);
    const struct kms_key_judgement *best = NULL;
    for (size_t i = 0; judgement && i < judgement->key_count; i++) {
        const struct kms_key_judgement *key = &judgement->key[i];
        best = worth(key) > (best ? worth(best) : 0) ? key : best;
    }
    *ret = (struct kms_known_key){.name = ""};
    if (best) {
        const char *name = kms_facts_text(&best->facts, KMS_FACT_KEY_GROUP);
        const char *epid = kms_facts_text(&best->facts, KMS_FACT_EPID);
        kms_text_copy(ret->name, sizeof ret->name, name ? name : "");
        kms_text_copy(ret->epid, sizeof ret->epid, epid ? epid : "");
    }
}
