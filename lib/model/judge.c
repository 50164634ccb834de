/* The judgement rules: thresholds and evidence in, verdicts out. */
#include "model/judge.h"

#include <stdlib.h>

#include "base/text.h"
#include "model/merge.h"
#include "vocab/hostkey.h"
#include "vocab/hresult.h"

static bool number(const struct kms_facts *facts, enum kms_fact_id id, int64_t *ret)
{
    return kms_facts_number(facts, id, ret);
}

static int64_t number_or(const struct kms_facts *facts, enum kms_fact_id id, int64_t otherwise)
{
    int64_t value = otherwise;
    (void)kms_facts_number(facts, id, &value);
    return value;
}

static void worsen(enum kms_state *state, enum kms_state by)
{
    *state = kms_state_worse(*state, by);
}

/* ---- sources: how old is what they said ---- */

/* A source that answers by not answering is never stale because it failed: the failure is its news.
 */
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

static void judge_source(const struct kms_evidence *evidence, enum kms_source source, int64_t now_s,
                         struct kms_source_judgement *ret)
{
    const struct kms_source_config *config = &evidence->target->source[source];
    const struct kms_result *last = evidence->last[source];
    const struct kms_result *good = evidence->good[source];
    *ret = (struct kms_source_judgement){.enabled = config->enabled};
    if (good && good->data_s) {
        ret->age_known = true;
        ret->age_s = now_s > good->data_s ? now_s - good->data_s : 0;
    }
    bool failed = last && !kms_outcome_good(last->outcome) && last->outcome != KMS_OUTCOME_NONE;
    ret->stale = (failed && !is_live(source)) || (good && too_old(good, config->max_age_ms, now_s));
}

/* ---- keys ---- */

static void judge_license(struct kms_key_judgement *key, const struct kms_policy *policy)
{
    switch (number_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN)) {
    case KMS_LICENSE_LICENSED:
        key->key_state = KMS_STATE_OK;
        break;
    case KMS_LICENSE_OOT_GRACE:
    case KMS_LICENSE_EXTENDED_GRACE:
        key->key_state = KMS_STATE_WARNING;
        key->reasons |= KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
        break;
    case KMS_LICENSE_UNLICENSED:
    case KMS_LICENSE_OOB_GRACE:
    case KMS_LICENSE_NON_GENUINE_GRACE:
    case KMS_LICENSE_NOTIFICATION:
        key->key_state = KMS_STATE_CRITICAL;
        key->reasons |= KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
        break;
    default:
        key->key_state = KMS_STATE_UNKNOWN;
        key->reasons |= KMS_BIT(KMS_REASON_STATUS_UNKNOWN);
        break;
    }
    int64_t minutes;
    if (number(&key->facts, KMS_FACT_LICENSE_EXPIRES, &minutes) && minutes > 0) {
        int64_t left_ms = minutes * 60000;
        if (left_ms < policy->expires_critical_ms) {
            worsen(&key->key_state, KMS_STATE_CRITICAL);
            key->reasons |= KMS_BIT(KMS_REASON_KEY_EXPIRING);
        } else if (left_ms < policy->expires_warning_ms) {
            worsen(&key->key_state, KMS_STATE_WARNING);
            key->reasons |= KMS_BIT(KMS_REASON_KEY_EXPIRING);
        }
    }
}

static void judge_requests(struct kms_key_judgement *key, const struct kms_window *window,
                           const struct kms_policy *policy)
{
    bool counters = kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS) &&
                    kms_facts_has(&key->facts, KMS_FACT_FAILED_REQUESTS);
    key->requests_state = counters ? KMS_STATE_OK : KMS_STATE_UNKNOWN;
    if (!counters || !window) {
        return;
    }
    key->window = kms_window_look(window, policy->requests_window_ms / 1000);
    key->discontinuity_s = window->discontinuity_s;
    if (!key->window.known) {
        return;
    }
    /* Number and ratio together: one failure at night is no alarm, nor are ten among a million. */
    int64_t failed = key->window.failed;
    int64_t ratio = key->window.failed_permille;
    if (failed > policy->failed_critical && ratio > policy->failed_ratio_critical) {
        key->requests_state = KMS_STATE_CRITICAL;
    } else if (failed > policy->failed_warning && ratio > policy->failed_ratio_warning) {
        key->requests_state = KMS_STATE_WARNING;
    }
    if (key->requests_state != KMS_STATE_OK) {
        key->reasons |= KMS_BIT(KMS_REASON_FAILED_REQUESTS);
    }
}

static bool is_licensed(const struct kms_key_judgement *key)
{
    return number_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN) ==
           KMS_LICENSE_LICENSED;
}

static void mark_superseded(struct kms_judgement *ret)
{
    for (size_t i = 0; i < ret->key_count; i++) {
        struct kms_key_judgement *key = &ret->key[i];
        for (size_t j = 0; j < ret->key_count && !is_licensed(key); j++) {
            if (ret->key[j].application == key->application && is_licensed(&ret->key[j])) {
                key->superseded = true;
            }
        }
    }
}

static void judge_keys(const struct kms_evidence *evidence, const struct kms_policy *policy,
                       struct kms_judgement *ret)
{
    mark_superseded(ret);
    for (size_t i = 0; i < ret->key_count; i++) {
        struct kms_key_judgement *key = &ret->key[i];
        struct kms_key_kind kind;
        key->kind_known = kms_key_kind_of(key->application,
                                          kms_facts_text(&key->facts, KMS_FACT_KEY_CHANNEL),
                                          kms_facts_text(&key->facts, KMS_FACT_EPID), &kind);
        key->classes = kind.classes;
        judge_license(key, policy);
        judge_requests(
            key, evidence->window ? evidence->window(evidence->window_arg, key->identity) : NULL,
            policy);
        if (key->stale) {
            key->key_state = KMS_STATE_UNKNOWN;
            key->requests_state = KMS_STATE_UNKNOWN;
            key->reasons = KMS_BIT(KMS_REASON_STALE);
        }
        if (key->superseded) {
            key->key_state = KMS_STATE_OK;
            key->reasons &= ~KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
        }
        key->state = key->key_state;
        if (kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS)) {
            worsen(&key->state, key->requests_state);
        }
    }
}

/* ---- classes ---- */

static bool own_count(const struct kms_key_judgement *key, int64_t *ret)
{
    int64_t count;
    if (!number(&key->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        return false;
    }
    if (number_or(&key->facts, KMS_FACT_OWN_ENTRY, 0) && count > 0) {
        count--;
    }
    *ret = count;
    return true;
}

/* A licensed key before any other, then the higher count. */
static bool serves_better(const struct kms_key_judgement *a, const struct kms_key_judgement *b)
{
    if (is_licensed(a) != is_licensed(b)) {
        return is_licensed(a);
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
    return count == 0 && number(&key->facts, KMS_FACT_TOTAL_REQUESTS, &total) && total == 0;
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
    return number_or(&judgement->host, KMS_FACT_REPORT_PRODUCTS, 0) == 1;
}

static void judge_unserved(struct kms_class_judgement *cls, const struct kms_judgement *judgement)
{
    bool any_key = judgement->key_count > 0;
    if (any_key && !may_be_unseen(judgement, cls->client_class)) {
        cls->verdict = KMS_VERDICT_NOT_SERVED;
        cls->state = KMS_STATE_CRITICAL;
        cls->reasons |= KMS_BIT(KMS_REASON_NOT_SERVED);
        return;
    }
    cls->verdict = KMS_VERDICT_UNKNOWN;
    cls->state = KMS_STATE_UNKNOWN;
    cls->reasons |= KMS_BIT(KMS_REASON_NO_DATA);
}

static bool is_unreachable(const struct kms_judgement *judgement)
{
    int64_t rpc = number_or(&judgement->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    return rpc != KMS_RPC_UNKNOWN && rpc != KMS_RPC_ACCEPTED &&
           !judgement->source[KMS_SOURCE_RPC].stale;
}

static void judge_class(struct kms_judgement *judgement, struct kms_class_judgement *cls,
                        bool declared)
{
    bool relied = cls->wanted || !declared;
    const struct kms_key_judgement *key = cls->key >= 0 ? &judgement->key[cls->key] : NULL;
    cls->state = KMS_STATE_OK;
    if (!key) {
        judge_unserved(cls, judgement);
    } else if (key->stale) {
        cls->verdict = KMS_VERDICT_UNKNOWN;
        cls->state = relied ? KMS_STATE_UNKNOWN : KMS_STATE_OK;
        cls->reasons |= KMS_BIT(KMS_REASON_STALE);
    } else {
        judge_count(cls, key, relied, declared);
        int64_t status = number_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN);
        bool graced = status == KMS_LICENSE_OOT_GRACE || status == KMS_LICENSE_EXTENDED_GRACE;
        if (status == KMS_LICENSE_UNKNOWN && cls->verdict == KMS_VERDICT_CAN_ACTIVATE) {
            cls->verdict = KMS_VERDICT_UNKNOWN;
            cls->reasons |= KMS_BIT(KMS_REASON_STATUS_UNKNOWN);
            worsen(&cls->state, relied ? KMS_STATE_UNKNOWN : KMS_STATE_OK);
        } else if (status != KMS_LICENSE_UNKNOWN && status != KMS_LICENSE_LICENSED && !graced &&
                   cls->verdict != KMS_VERDICT_UNUSED) {
            cls->verdict = KMS_VERDICT_KEY_NOT_LICENSED;
            cls->reasons |= KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
            if (relied) {
                worsen(&cls->state, cls->wanted ? KMS_STATE_CRITICAL : KMS_STATE_WARNING);
            }
        }
    }
    if (is_unreachable(judgement)) {
        cls->verdict = KMS_VERDICT_UNREACHABLE;
        cls->reasons |= KMS_BIT(KMS_REASON_UNREACHABLE);
        worsen(&cls->state, cls->wanted ? KMS_STATE_CRITICAL : KMS_STATE_OK);
    }
}

/* Whether any source that is asked could tell a count at all. */
static bool counts_are_asked(const struct kms_judgement *judgement)
{
    return judgement->source[KMS_SOURCE_WSMAN].enabled ||
           judgement->source[KMS_SOURCE_REPORT].enabled ||
           judgement->source[KMS_SOURCE_ACTIVATION].enabled;
}

static void judge_classes(const struct kms_evidence *evidence, const struct kms_policy *policy,
                          struct kms_judgement *ret)
{
    uint32_t declared = evidence->target->classes;
    bool any = false;
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
        judge_class(ret, cls, declared != 0);
        worsen(&ret->count_state, cls->state);
    }
    if (!any) {
        ret->count_state = KMS_STATE_UNKNOWN;
    }
}

/* ---- the host ---- */

static void blame(struct kms_judgement *ret, enum kms_state state, enum kms_reason reason)
{
    worsen(&ret->state, state);
    ret->reasons |= KMS_BIT(reason);
}

static void judge_reachability(struct kms_judgement *ret)
{
    if (!is_unreachable(ret)) {
        return;
    }
    int64_t rpc = number_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    bool other = rpc == KMS_RPC_NOT_RPC || rpc == KMS_RPC_NOT_KMS || rpc == KMS_RPC_BIND_NAK;
    blame(ret, KMS_STATE_CRITICAL, other ? KMS_REASON_NOT_KMS : KMS_REASON_UNREACHABLE);
}

static void judge_host_facts(struct kms_judgement *ret, const struct kms_policy *policy)
{
    int64_t service = number_or(&ret->host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_UNKNOWN);
    if (service == KMS_SERVICE_STOPPED || service == KMS_SERVICE_DISABLED) {
        blame(ret, KMS_STATE_CRITICAL, KMS_REASON_SERVICE_DOWN);
    }
    int64_t skew_ms = number_or(&ret->host, KMS_FACT_CLOCK_SKEW, 0) * 1000;
    skew_ms = skew_ms < 0 ? -skew_ms : skew_ms;
    if (skew_ms > policy->skew_critical_ms) {
        blame(ret, KMS_STATE_CRITICAL, KMS_REASON_CLOCK_SKEW);
    } else if (skew_ms > policy->skew_warning_ms) {
        blame(ret, KMS_STATE_WARNING, KMS_REASON_CLOCK_SKEW);
    }
    if (number_or(&ret->host, KMS_FACT_AUTHENTICITY, KMS_AUTHENTICITY_UNKNOWN) ==
        KMS_AUTHENTICITY_SUSPICIOUS) {
        blame(ret, KMS_STATE_WARNING, KMS_REASON_SUSPICIOUS);
    }
    if (ret->drift[0]) {
        blame(ret, KMS_STATE_WARNING, KMS_REASON_CONFIG_DRIFT);
    }
}

static bool any_result(const struct kms_evidence *evidence)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (evidence->good[i] || (evidence->last[i] && is_live((enum kms_source)i))) {
            return true;
        }
    }
    return false;
}

static void judge_coverage(struct kms_judgement *ret)
{
    if (number_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN) != KMS_RPC_UNKNOWN &&
        !ret->source[KMS_SOURCE_RPC].stale) {
        ret->coverage |= KMS_BIT(KMS_COVERAGE_REACHABILITY);
    }
    if (kms_facts_has(&ret->host, KMS_FACT_CLOCK_SKEW)) {
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

static void judge_host(const struct kms_evidence *evidence, const struct kms_policy *policy,
                       int64_t now_s, struct kms_judgement *ret)
{
    ret->state = KMS_STATE_OK;
    if (!any_result(evidence)) {
        blame(ret, KMS_STATE_UNKNOWN, KMS_REASON_NO_DATA);
    }
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (ret->source[i].enabled && ret->source[i].stale) {
            blame(ret, KMS_STATE_UNKNOWN, KMS_REASON_STALE);
        }
    }
    judge_reachability(ret);
    judge_host_facts(ret, policy);
    for (size_t i = 0; i < ret->key_count; i++) {
        worsen(&ret->state, ret->key[i].state);
        ret->reasons |= ret->key[i].reasons;
        if (ret->key[i].data_s && (!ret->data_known || ret->key[i].data_s < ret->data_s)) {
            ret->data_known = true;
            ret->data_s = ret->key[i].data_s;
        }
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &ret->cls[c];
        if (cls->present && (cls->state != KMS_STATE_UNKNOWN || counts_are_asked(ret))) {
            worsen(&ret->state, cls->state);
            ret->reasons |= cls->state == KMS_STATE_OK ? 0 : cls->reasons;
        }
    }
    if (ret->data_known) {
        ret->data_age_s = now_s > ret->data_s ? now_s - ret->data_s : 0;
    }
}

/* ---- the line for people ---- */

/* Why nothing can be said, or why what is said is old. */
static bool summarise_failure(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        const struct kms_result *last = evidence->last[i];
        if (!last || !ret->source[i].stale || kms_outcome_good(last->outcome)) {
            continue;
        }
        const char *why = last->detail[0] ? last->detail : kms_outcome_row(last->outcome)->meaning;
        kms_text_copy(ret->summary, sizeof ret->summary, why);
        return true;
    }
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (!ret->source[i].stale || !evidence->good[i]) {
            continue;
        }
        char limit[32];
        char age[32] = "of unknown age";
        kms_text_duration(limit, sizeof limit, evidence->target->source[i].max_age_ms);
        if (ret->source[i].age_known) {
            kms_text_age(age, sizeof age, ret->source[i].age_s);
            kms_text_append(age, sizeof age, " old");
        }
        kms_text_format(ret->summary, sizeof ret->summary, "data is %s, limit %s", age, limit);
        return true;
    }
    return false;
}

static void summarise_key(struct kms_judgement *ret, size_t at)
{
    const struct kms_key_judgement *key = &ret->key[at];
    char text[160];
    kms_judge_count_text(ret, at, text, sizeof text);
    kms_text_append(ret->summary, sizeof ret->summary, "%s", ret->summary[0] ? "; " : "");
    if (ret->key_count > 1) {
        kms_text_append(ret->summary, sizeof ret->summary, "%s ",
                        kms_application_name(key->application));
    }
    kms_text_append(ret->summary, sizeof ret->summary, "%s", text);
    kms_judge_key_text(key, text, sizeof text);
    kms_text_append(ret->summary, sizeof ret->summary, ", key %s", text);
    if (key->requests_state == KMS_STATE_WARNING || key->requests_state == KMS_STATE_CRITICAL) {
        kms_text_append(ret->summary, sizeof ret->summary, ", %u requests failed",
                        (unsigned)key->window.failed);
    }
}

static void summarise(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (is_unreachable(ret)) {
        int64_t rpc = number_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
        kms_text_copy(ret->summary, sizeof ret->summary,
                      kms_word_meaning(kms_words_rpc_state(), (int)rpc));
        return;
    }
    if (summarise_failure(evidence, ret)) {
        return;
    }
    if (ret->drift[0]) {
        kms_text_copy(ret->summary, sizeof ret->summary, ret->drift);
    }
    for (size_t i = 0; i < ret->key_count; i++) {
        if (!ret->key[i].superseded) {
            summarise_key(ret, i);
        }
    }
    if (!ret->summary[0]) {
        kms_text_copy(ret->summary, sizeof ret->summary,
                      any_result(evidence) ? "port answers, nothing else is known" : "no data yet");
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
    if (status != KMS_OK) {
        kms_judgement_done(&made);
        *ret = made;
        return status;
    }
    judge_keys(evidence, policy, &made);
    judge_classes(evidence, policy, &made);
    judge_host(evidence, policy, now_s, &made);
    judge_coverage(&made);
    summarise(evidence, &made);
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
    }
    free(judgement->key);
    *judgement = (struct kms_judgement){0};
}

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

/* ---- texts ---- */

static const char *class_word(enum kms_client_class client_class)
{
    switch (client_class) {
    case KMS_CLASS_CLIENT:
        return "clients";
    case KMS_CLASS_SERVER:
        return "servers";
    case KMS_CLASS_OFFICE2010:
        return "Office 2010";
    case KMS_CLASS_OFFICE:
        break;
    }
    return "Office";
}

static const char *class_phrase(const struct kms_class_judgement *cls)
{
    switch (cls->verdict) {
    case KMS_VERDICT_CAN_ACTIVATE:
        return cls->headroom == 0 ? "just at" : "ok";
    case KMS_VERDICT_BELOW_THRESHOLD:
        return "below";
    case KMS_VERDICT_UNUSED:
        return "unused";
    case KMS_VERDICT_KEY_NOT_LICENSED:
        return "not served (key not licensed)";
    case KMS_VERDICT_UNREACHABLE:
        return "unreachable";
    case KMS_VERDICT_NOT_SERVED:
        return "not served";
    case KMS_VERDICT_UNKNOWN:
        break;
    }
    return "unknown";
}

void kms_judge_class_text(const struct kms_class_judgement *cls, char *dst, size_t size)
{
    const char *word = class_word(cls->client_class);
    const char *phrase = class_phrase(cls);
    bool below = cls->verdict == KMS_VERDICT_BELOW_THRESHOLD;
    bool fine = cls->verdict == KMS_VERDICT_CAN_ACTIVATE;
    if (below || (fine && cls->headroom == 0)) {
        kms_text_format(dst, size, "%s %s %u", word, phrase, (unsigned)cls->required);
    } else if (fine || cls->verdict == KMS_VERDICT_UNUSED) {
        kms_text_format(dst, size, "%s %s (%u)", word, phrase, (unsigned)cls->required);
    } else {
        kms_text_format(dst, size, "%s %s", word, phrase);
    }
}

/* Classes that are fine come first: "servers ok (5), clients below 25" reads as it is meant. */
void kms_judge_count_text(const struct kms_judgement *judgement, size_t key, char *dst, size_t size)
{
    const struct kms_key_judgement *of = &judgement->key[key];
    int64_t count;
    if (kms_facts_number(&of->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        kms_text_format(dst, size, "count %lld", (long long)count);
    } else {
        kms_text_copy(dst, size, "count unknown");
    }
    if (number_or(&of->facts, KMS_FACT_OWN_ENTRY, 0)) {
        kms_text_append(dst, size, " (1 of them this monitor)");
    }
    const char *separator = ":";
    for (int pass = 0; pass < 2; pass++) {
        for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
            const struct kms_class_judgement *cls = &judgement->cls[c];
            bool fine = cls->verdict == KMS_VERDICT_CAN_ACTIVATE;
            if (!cls->present || cls->key != (int)key || fine != (pass == 0)) {
                continue;
            }
            char text[64];
            kms_judge_class_text(cls, text, sizeof text);
            kms_text_append(dst, size, "%s %s", separator, text);
            separator = ",";
        }
    }
}

void kms_judge_key_text(const struct kms_key_judgement *key, char *dst, size_t size)
{
    int64_t status = number_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN);
    const char *word = kms_facts_text(&key->facts, KMS_FACT_LICENSE_WORD);
    if (status == KMS_LICENSE_UNKNOWN) {
        kms_text_copy(dst, size, "state unknown");
        if (word) {
            kms_text_append(dst, size, " ('%s')", word);
        }
    } else {
        kms_text_copy(dst, size, kms_word_label(kms_words_license_status(), (int)status));
    }
    int64_t minutes;
    if (number(&key->facts, KMS_FACT_LICENSE_EXPIRES, &minutes) && minutes > 0) {
        char left[32];
        kms_text_age(left, sizeof left, minutes * 60);
        kms_text_append(dst, size, ", ends in %s", left);
    }
    int64_t reason;
    if (status != KMS_LICENSE_LICENSED && number(&key->facts, KMS_FACT_LICENSE_REASON, &reason) &&
        reason != 0) {
        char why[160];
        kms_hresult_text((uint32_t)reason, why, sizeof why);
        kms_text_append(dst, size, ", %s", why);
    }
    if (key->superseded) {
        kms_text_append(dst, size, ", superseded by a licensed key");
    }
}

void kms_judge_requests_text(const struct kms_key_judgement *key, char *dst, size_t size)
{
    int64_t total;
    int64_t failed;
    if (!number(&key->facts, KMS_FACT_TOTAL_REQUESTS, &total) ||
        !number(&key->facts, KMS_FACT_FAILED_REQUESTS, &failed)) {
        kms_text_copy(dst, size, "request counters not known");
        return;
    }
    kms_text_format(dst, size, "%lld requests, %lld failed", (long long)total, (long long)failed);
    if (key->window.known) {
        char span[32];
        kms_text_age(span, sizeof span, key->window.span_s);
        kms_text_append(dst, size, "; in the last %s %u requests, %u failed", span,
                        (unsigned)key->window.total, (unsigned)key->window.failed);
    }
}

void kms_judge_key_name(const struct kms_key_judgement *key, char *dst, size_t size)
{
    const char *group = kms_facts_text(&key->facts, KMS_FACT_KEY_GROUP);
    const char *name = kms_facts_text(&key->facts, KMS_FACT_KEY_NAME);
    if (group) {
        kms_text_copy(dst, size, group);
    } else if (key->application != KMS_APPLICATION_UNKNOWN || !name) {
        kms_text_copy(dst, size, kms_application_name(key->application));
    } else {
        kms_text_copy(dst, size, name);
    }
}

void kms_judge_date_text(const struct kms_judgement *judgement, char *dst, size_t size)
{
    dst[0] = '\0';
    if (!judgement->data_known) {
        return;
    }
    char age[32];
    struct kms_date d = kms_date_of(judgement->data_s);
    kms_text_age(age, sizeof age, judgement->data_age_s);
    kms_text_format(dst, size, "data of %04lld-%02u-%02u %02u:%02u (%s old)", (long long)d.year,
                    d.month, d.day, d.hour, d.minute, age);
}
