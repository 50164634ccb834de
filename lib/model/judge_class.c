/* Judging classes of clients: count against threshold, and what the site relies on. */
#include "model/judge_parts.h"

#include "vocab/hostkey.h"

static bool own_count(const struct kms_key_judgement *key, int64_t *ret)
{
    int64_t count;
    if (!kms_facts_number(&key->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        return false;
    }
    if (kms_fact_or(&key->facts, KMS_FACT_OWN_ENTRY, 0) && count > 0) {
        count--;
    }
    *ret = count;
    return true;
}

/* A licensed key before any other, then the higher count. */
static bool serves_better(const struct kms_key_judgement *a, const struct kms_key_judgement *b)
{
    if (kms_key_is_licensed(a) != kms_key_is_licensed(b)) {
        return kms_key_is_licensed(a);
    }
    int64_t x = -1;
    int64_t y = -1;
    (void)own_count(a, &x);
    (void)own_count(b, &y);
    return x > y;
}

static int best_key(const struct kms_judgement *judgement, enum kms_client_class client_class)
{
    int best = -1;
    for (size_t i = 0; i < judgement->key_count; i++) {
        const struct kms_key_judgement *key = &judgement->key[i];
        if ((key->classes & KMS_CLASS_BIT(client_class)) &&
            (best < 0 || serves_better(key, &judgement->key[best]))) {
            best = (int)i;
        }
    }
    return best;
}

static bool never_used(const struct kms_key_judgement *key, int64_t count)
{
    int64_t total;
    return count == 0 && kms_facts_number(&key->facts, KMS_FACT_TOTAL_REQUESTS, &total) &&
           total == 0;
}

static void judge_count(struct kms_class_judgement *cls, const struct kms_key_judgement *key,
                        bool relied, bool declared)
{
    int64_t count;
    if (!own_count(key, &count)) {
        cls->verdict = KMS_VERDICT_UNKNOWN;
        cls->state = KMS_STATE_UNKNOWN;
        cls->reasons |= KMS_BIT(KMS_REASON_NO_DATA);
        return;
    }
    cls->headroom_known = true;
    cls->headroom = (int32_t)(count - (int64_t)cls->required);
    if (cls->headroom >= 0) {
        cls->verdict = KMS_VERDICT_CAN_ACTIVATE;
        if (cls->headroom == 0 && relied) {
            cls->state = KMS_STATE_WARNING;
            cls->reasons |= KMS_BIT(KMS_REASON_COUNT_LOW);
        }
        return;
    }
    if (!cls->wanted && never_used(key, count)) {
        cls->verdict = KMS_VERDICT_UNUSED;
        return;
    }
    cls->verdict = KMS_VERDICT_BELOW_THRESHOLD;
    if (relied) {
        cls->state = declared ? KMS_STATE_CRITICAL : KMS_STATE_WARNING;
        cls->reasons |= KMS_BIT(KMS_REASON_COUNT_LOW);
    }
}

/* One shown product does not prove that a key of another application is missing. */
static bool may_be_unseen(const struct kms_judgement *judgement, enum kms_client_class client_class)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (kms_application_classes(judgement->key[i].application) & KMS_CLASS_BIT(client_class)) {
            return false;
        }
    }
    return kms_fact_or(&judgement->host, KMS_FACT_REPORT_PRODUCTS, 0) == 1;
}

static bool all_keys_are_stale(const struct kms_judgement *judgement)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (!judgement->key[i].stale) {
            return false;
        }
    }
    return judgement->key_count > 0;
}

static void judge_unserved(struct kms_class_judgement *cls, const struct kms_judgement *judgement,
                           bool disowned)
{
    if (!disowned && all_keys_are_stale(judgement)) {
        cls->verdict = KMS_VERDICT_UNKNOWN;
        cls->state = KMS_STATE_UNKNOWN;
        cls->reasons |= KMS_BIT(KMS_REASON_STALE);
        return;
    }
    bool any_key = judgement->key_count > 0;
    if (disowned || (any_key && !may_be_unseen(judgement, cls->client_class))) {
        cls->verdict = KMS_VERDICT_NOT_SERVED;
        cls->state = KMS_STATE_CRITICAL;
        cls->reasons |= KMS_BIT(KMS_REASON_NOT_SERVED);
        return;
    }
    cls->verdict = KMS_VERDICT_UNKNOWN;
    cls->state = KMS_STATE_UNKNOWN;
    cls->reasons |= KMS_BIT(KMS_REASON_NO_DATA);
}

bool kms_judge_is_unreachable(const struct kms_judgement *judgement)
{
    int64_t rpc = kms_fact_or(&judgement->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    return rpc != KMS_RPC_UNKNOWN && rpc != KMS_RPC_ACCEPTED &&
           !judgement->source[KMS_SOURCE_RPC].stale;
}

/* disowned: Windows lists its keys, and says that none of them makes it a KMS host. */
static void judge_class(struct kms_judgement *judgement, struct kms_class_judgement *cls,
                        bool declared, bool disowned)
{
    bool relied = cls->wanted || !declared;
    const struct kms_key_judgement *key = cls->key >= 0 ? &judgement->key[cls->key] : NULL;
    cls->state = KMS_STATE_OK;
    if (!key) {
        judge_unserved(cls, judgement, disowned);
    } else if (key->stale) {
        cls->verdict = KMS_VERDICT_UNKNOWN;
        cls->state = relied ? KMS_STATE_UNKNOWN : KMS_STATE_OK;
        cls->reasons |= KMS_BIT(KMS_REASON_STALE);
    } else {
        judge_count(cls, key, relied, declared);
        int64_t status = kms_fact_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN);
        bool graced = status == KMS_LICENSE_OOT_GRACE || status == KMS_LICENSE_EXTENDED_GRACE;
        bool unknown = status == KMS_LICENSE_UNKNOWN && !kms_key_answers(key);
        if (unknown && cls->verdict == KMS_VERDICT_CAN_ACTIVATE) {
            cls->verdict = KMS_VERDICT_UNKNOWN;
            cls->reasons |= KMS_BIT(KMS_REASON_STATUS_UNKNOWN);
            kms_worsen(&cls->state, relied ? KMS_STATE_UNKNOWN : KMS_STATE_OK);
        } else if (status != KMS_LICENSE_UNKNOWN && status != KMS_LICENSE_LICENSED && !graced &&
                   cls->verdict != KMS_VERDICT_UNUSED) {
            cls->verdict = KMS_VERDICT_KEY_NOT_LICENSED;
            cls->reasons |= KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
            if (relied) {
                kms_worsen(&cls->state, cls->wanted ? KMS_STATE_CRITICAL : KMS_STATE_WARNING);
            }
        }
    }
    if (kms_judge_is_unreachable(judgement)) {
        cls->verdict = KMS_VERDICT_UNREACHABLE;
        cls->reasons |= KMS_BIT(KMS_REASON_UNREACHABLE);
        kms_worsen(&cls->state, cls->wanted ? KMS_STATE_CRITICAL : KMS_STATE_OK);
    }
}

void kms_judge_classes(const struct kms_evidence *evidence, const struct kms_policy *policy,
                       struct kms_judgement *ret)
{
    uint32_t declared = evidence->target->classes;
    bool any = false;
    bool disowned = kms_judge_is_disowned(evidence, ret);
    ret->count_state = KMS_STATE_OK;
    for (int c = 1; c <= KMS_CLASS_MAX; c++) {
        struct kms_class_judgement *cls = &ret->cls[c];
        *cls = (struct kms_class_judgement){
            .client_class = (enum kms_client_class)c,
            .required = (uint32_t)policy->required[c],
            .wanted = (declared & KMS_CLASS_BIT(c)) != 0,
            .verdict = KMS_VERDICT_UNKNOWN,
            .state = KMS_STATE_UNKNOWN,
            .key = best_key(ret, (enum kms_client_class)c),
        };
        cls->present = cls->key >= 0 || cls->wanted;
        if (!cls->present) {
            continue;
        }
        any = true;
        judge_class(ret, cls, declared != 0, disowned);
        kms_worsen(&ret->count_state, cls->state);
    }
    if (!any) {
        ret->count_state = KMS_STATE_UNKNOWN;
    }
}
