/* The judgement of one host: its sources and facts, and the line that sums them up. */
#include "model/judge_parts.h"

#include <stdlib.h>

#include "model/authenticity.h"
#include "model/merge.h"

#define HRESULT_ID_MISMATCH  INT64_C(0xC004F042)
#define HRESULT_INVALID_DATA INT64_C(0x8007000D)

#define RESTORED_FRESH_MS INT64_C(600000)

/* ---- sources: how old is what they said ---- */

/* An attempt that failed here says nothing about the host, nor does DNS that gives no answer. */
static bool failed_here(const struct kms_result *last)
{
    return last && kms_outcome_row(last->outcome)->kind == KMS_OUTCOME_IS_OURS;
}

/* Not answering is an answer: such a source is never stale because it failed. */
static bool is_live(enum kms_source source)
{
    return source == KMS_SOURCE_RPC || source == KMS_SOURCE_ACTIVATION || source == KMS_SOURCE_DNS;
}

static bool too_old(const struct kms_result *good, int64_t max_age_ms, int64_t now_s)
{
    if (max_age_ms == 0) {
        return false;
    }
    if (good->data_s == 0 && good->data_s_max == 0) {
        return true; /* a limit on an age that nobody knows cannot be met */
    }
    int64_t youngest = good->data_s_max ? good->data_s_max : good->data_s;
    return (now_s - youngest) * 1000 > max_age_ms;
}

/* Of an earlier process: of a source that shows what is so now, it says nothing for long. */
static bool is_of_the_past(const struct kms_result *last, const struct kms_result *good,
                           const struct kms_source_config *config, int64_t now_s)
{
    int64_t fresh_ms = 2 * config->interval_ms;
    fresh_ms = fresh_ms > RESTORED_FRESH_MS ? fresh_ms : RESTORED_FRESH_MS;
    return !last && good && is_live(good->source) && (now_s - good->wall_s) * 1000 > fresh_ms;
}

static void judge_source(const struct kms_evidence *evidence, enum kms_source source, int64_t now_s,
                         struct kms_source_judgement *ret)
{
    const struct kms_source_config *config = &evidence->target->source[source];
    const struct kms_result *last = evidence->last[source];
    bool disowned = source == KMS_SOURCE_WSMAN && kms_evidence_disowns(evidence);
    const struct kms_result *good = disowned ? last : evidence->good[source];
    *ret = (struct kms_source_judgement){.enabled = config->enabled};
    if (good && good->data_s) {
        ret->age_known = true;
        ret->age_s = now_s > good->data_s ? now_s - good->data_s : 0;
    }
    bool failed = last && !disowned && !kms_outcome_good(last->outcome) &&
                  last->outcome != KMS_OUTCOME_NONE;
    ret->stale = (failed && (!is_live(source) || failed_here(last))) ||
                 (good && too_old(good, config->max_age_ms, now_s)) ||
                 is_of_the_past(last, good, config, now_s);
}

/* ---- the host ---- */

static void blame(struct kms_judgement *ret, enum kms_state state, enum kms_reason reason)
{
    kms_worsen(&ret->state, state);
    ret->reasons |= KMS_BIT(reason);
}

static void judge_reachability(struct kms_judgement *ret)
{
    if (!kms_judge_is_unreachable(ret)) {
        return;
    }
    int64_t rpc = kms_fact_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    bool other = rpc == KMS_RPC_NOT_RPC || rpc == KMS_RPC_NOT_KMS || rpc == KMS_RPC_BIND_NAK;
    blame(ret, KMS_STATE_CRITICAL, other ? KMS_REASON_NOT_KMS : KMS_REASON_UNREACHABLE);
}

bool kms_judge_is_disowned(const struct kms_evidence *evidence,
                           const struct kms_judgement *judgement)
{
    return kms_evidence_disowns(evidence) && !judgement->source[KMS_SOURCE_WSMAN].stale;
}

bool kms_judge_is_answered(const struct kms_evidence *evidence,
                           const struct kms_judgement *judgement)
{
    const struct kms_result *last = evidence->last[KMS_SOURCE_ACTIVATION];
    return last && kms_outcome_good(last->outcome) &&
           !judgement->source[KMS_SOURCE_ACTIVATION].stale;
}

/* What answers requests on a machine whose Windows is no KMS host is something else, and clients
 * are served all the same. */
static void judge_role(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (kms_judge_is_disowned(evidence, ret)) {
        blame(ret, kms_judge_is_answered(evidence, ret) ? KMS_STATE_WARNING : KMS_STATE_CRITICAL,
              KMS_REASON_NOT_KMS);
    }
}

/* What the last lookup says, also one that failed in one domain and found fault in another; not
 * what is too old. */
bool kms_judge_knows_publication(const struct kms_evidence *evidence,
                                 const struct kms_judgement *judgement)
{
    const struct kms_result *last = evidence->last[KMS_SOURCE_DNS];
    return last && kms_facts_has(&judgement->host, KMS_FACT_PUBLICATION) &&
           (!judgement->source[KMS_SOURCE_DNS].stale || !kms_outcome_good(last->outcome));
}

enum kms_state kms_judge_publication_state(const struct kms_judgement *judgement)
{
    return (enum kms_state)kms_fact_or(&judgement->host, KMS_FACT_PUBLICATION_JUDGED,
                                       KMS_STATE_UNKNOWN);
}

static void judge_published(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (!kms_judge_knows_publication(evidence, ret)) {
        return;
    }
    enum kms_state state = kms_judge_publication_state(ret);
    if (state == KMS_STATE_WARNING || state == KMS_STATE_CRITICAL) {
        blame(ret, state, KMS_REASON_NOT_PUBLISHED);
    } else if (state == KMS_STATE_UNKNOWN && ret->source[KMS_SOURCE_DNS].enabled) {
        blame(ret, state, KMS_REASON_STALE);
    }
}

/* What the key does not serve may be wrong on either side: in the host's key, or in the product
 * that the monitor was told to ask for. Every other refusal meets the clients too. */
static void judge_activation(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    const struct kms_result *last = evidence->last[KMS_SOURCE_ACTIVATION];
    if (!last || kms_outcome_row(last->outcome)->kind != KMS_OUTCOME_IS_TARGET) {
        return;
    }
    int64_t hresult = kms_fact_or(&last->host, KMS_FACT_ACTIVATION_RESULT, 0);
    bool either = hresult == HRESULT_ID_MISMATCH || hresult == HRESULT_INVALID_DATA;
    blame(ret, either ? KMS_STATE_WARNING : KMS_STATE_CRITICAL, KMS_REASON_NOT_ACTIVATING);
}

/* Told by a source that is not stale: an old fact is shown, and no verdict rests on it. */
static bool is_fresh(const struct kms_evidence *evidence, const struct kms_judgement *judgement,
                     enum kms_fact_id id)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        const struct kms_result *result = kms_evidence_result(evidence, (enum kms_source)i);
        if (result && !judgement->source[i].stale && kms_facts_has(&result->host, id)) {
            return true;
        }
    }
    return false;
}

static int64_t fresh_or(const struct kms_evidence *evidence, const struct kms_judgement *judgement,
                        enum kms_fact_id id, int64_t otherwise)
{
    return is_fresh(evidence, judgement, id) ? kms_fact_or(&judgement->host, id, otherwise)
                                             : otherwise;
}

static void judge_clock(const struct kms_evidence *evidence, const struct kms_policy *policy,
                        struct kms_judgement *ret)
{
    ret->clock_state = KMS_STATE_UNKNOWN;
    if (!is_fresh(evidence, ret, KMS_FACT_CLOCK_SKEW)) {
        return;
    }
    int64_t skew_ms = kms_fact_or(&ret->host, KMS_FACT_CLOCK_SKEW, 0) * 1000;
    skew_ms = skew_ms < 0 ? -skew_ms : skew_ms;
    ret->clock_state = skew_ms > policy->skew_critical_ms  ? KMS_STATE_CRITICAL
                       : skew_ms > policy->skew_warning_ms ? KMS_STATE_WARNING
                                                           : KMS_STATE_OK;
    if (ret->clock_state != KMS_STATE_OK) {
        blame(ret, ret->clock_state, KMS_REASON_CLOCK_SKEW);
    }
}

static void judge_host_facts(const struct kms_evidence *evidence, const struct kms_policy *policy,
                             struct kms_judgement *ret)
{
    int64_t service = fresh_or(evidence, ret, KMS_FACT_SERVICE_STATE, KMS_SERVICE_UNKNOWN);
    if (service == KMS_SERVICE_STOPPED || service == KMS_SERVICE_DISABLED) {
        blame(ret, KMS_STATE_CRITICAL, KMS_REASON_SERVICE_DOWN);
    }
    judge_clock(evidence, policy, ret);
    if (kms_fact_or(&ret->host, KMS_FACT_AUTHENTICITY, KMS_AUTHENTICITY_UNKNOWN) ==
        KMS_AUTHENTICITY_SUSPICIOUS) {
        blame(ret, KMS_STATE_WARNING, KMS_REASON_SUSPICIOUS);
    }
    if (ret->drift[0]) {
        blame(ret, KMS_STATE_WARNING, KMS_REASON_CONFIG_DRIFT);
    }
}

bool kms_judge_has_result(const struct kms_evidence *evidence)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (kms_evidence_result(evidence, (enum kms_source)i)) {
            return true;
        }
    }
    return false;
}

/* DNS answered in every domain that counts, and what it said is not too old. */
static bool is_publication_covered(const struct kms_evidence *evidence,
                                   const struct kms_judgement *judgement)
{
    int64_t publication = kms_fact_or(&judgement->host, KMS_FACT_PUBLICATION,
                                      KMS_PUBLICATION_UNKNOWN);
    return kms_judge_knows_publication(evidence, judgement) &&
           kms_outcome_good(evidence->last[KMS_SOURCE_DNS]->outcome) &&
           publication != KMS_PUBLICATION_UNKNOWN && publication != KMS_PUBLICATION_LOOKUP_FAILED;
}

static void judge_coverage(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (kms_fact_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN) != KMS_RPC_UNKNOWN &&
        !ret->source[KMS_SOURCE_RPC].stale) {
        ret->coverage |= KMS_BIT(KMS_COVERAGE_REACHABILITY);
    }
    if (is_publication_covered(evidence, ret)) {
        ret->coverage |= KMS_BIT(KMS_COVERAGE_PUBLICATION);
    }
    if (is_fresh(evidence, ret, KMS_FACT_CLOCK_SKEW)) {
        ret->coverage |= KMS_BIT(KMS_COVERAGE_CLOCK);
    }
    for (size_t i = 0; i < ret->key_count; i++) {
        const struct kms_key_judgement *key = &ret->key[i];
        if (key->stale) {
            continue;
        }
        ret->coverage |= kms_facts_has(&key->facts, KMS_FACT_CURRENT_COUNT)
                             ? KMS_BIT(KMS_COVERAGE_COUNT)
                             : 0;
        ret->coverage |= kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS)
                             ? KMS_BIT(KMS_COVERAGE_REQUESTS)
                             : 0;
        ret->coverage |= kms_facts_has(&key->facts, KMS_FACT_LICENSE_STATUS)
                             ? KMS_BIT(KMS_COVERAGE_KEY)
                             : 0;
    }
}

/* Whether any source that is asked could tell a count at all. */
static bool counts_are_asked(const struct kms_judgement *judgement)
{
    return judgement->source[KMS_SOURCE_WSMAN].enabled ||
           judgement->source[KMS_SOURCE_REPORT].enabled ||
           judgement->source[KMS_SOURCE_ACTIVATION].enabled;
}

static void judge_host(const struct kms_evidence *evidence, const struct kms_policy *policy,
                       int64_t now_s, struct kms_judgement *ret)
{
    ret->state = KMS_STATE_OK;
    if (!kms_judge_has_result(evidence)) {
        blame(ret, KMS_STATE_UNKNOWN, KMS_REASON_NO_DATA);
    }
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (ret->source[i].enabled && !evidence->last[i] && !evidence->good[i]) {
            blame(ret, KMS_STATE_UNKNOWN, KMS_REASON_NO_DATA); /* the others do not speak for it */
        }
        if (ret->source[i].enabled && ret->source[i].stale) {
            blame(ret, KMS_STATE_UNKNOWN, KMS_REASON_STALE);
        }
    }
    judge_reachability(ret);
    judge_role(evidence, ret);
    judge_activation(evidence, ret);
    judge_host_facts(evidence, policy, ret);
    judge_published(evidence, ret);
    for (size_t i = 0; i < ret->key_count; i++) {
        kms_worsen(&ret->state, ret->key[i].state);
        ret->reasons |= ret->key[i].reasons;
        if (ret->key[i].data_s && (!ret->data_known || ret->key[i].data_s < ret->data_s)) {
            ret->data_known = true;
            ret->data_s = ret->key[i].data_s;
        }
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &ret->cls[c];
        if (cls->present && (cls->state != KMS_STATE_UNKNOWN || counts_are_asked(ret))) {
            kms_worsen(&ret->state, cls->state);
            ret->reasons |= cls->state == KMS_STATE_OK ? 0 : cls->reasons;
        }
    }
    if (ret->data_known) {
        ret->data_age_s = now_s > ret->data_s ? now_s - ret->data_s : 0;
    }
}

enum kms_status kms_judge(const struct kms_evidence *evidence, const struct kms_policy *policy,
                          int64_t now_s, struct kms_judgement *ret)
{
    struct kms_judgement made = {0};
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        judge_source(evidence, (enum kms_source)i, now_s, &made.source[i]);
    }
    enum kms_status status = kms_merge(evidence, &made);
    status = status == KMS_OK ? kms_authenticity_judge(evidence, &made) : status;
    status = status == KMS_OK ? kms_judge_idle(evidence, &made) : status;
    if (status != KMS_OK) {
        kms_judgement_done(&made);
        *ret = made;
        return status;
    }
    kms_judge_keys(evidence, policy, &made);
    kms_judge_classes(evidence, policy, &made);
    judge_host(evidence, policy, now_s, &made);
    judge_coverage(evidence, &made);
    kms_judge_summarise(evidence, &made);
    *ret = made;
    return KMS_OK;
}

void kms_judgement_done(struct kms_judgement *judgement)
{
    if (!judgement) {
        return;
    }
    kms_facts_done(&judgement->host);
    for (size_t i = 0; i < judgement->key_count; i++) {
        kms_facts_done(&judgement->key[i].facts);
        free(judgement->key[i].told);
    }
    free(judgement->key);
    *judgement = (struct kms_judgement){0};
}
