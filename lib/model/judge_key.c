/* Judging host keys: activation, expiry and failed requests. */
#include "model/judge_parts.h"

#include "vocab/hostkey.h"

bool kms_key_answers(const struct kms_key_judgement *key)
{
    return key->source == KMS_SOURCE_ACTIVATION &&
           kms_facts_has(&key->facts, KMS_FACT_CURRENT_COUNT) &&
           !kms_facts_has(&key->facts, KMS_FACT_LICENSE_STATUS);
}

static void judge_license(struct kms_key_judgement *key, const struct kms_policy *policy)
{
    switch (kms_fact_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN)) {
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
        if (kms_key_answers(key)) {
            key->key_state = KMS_STATE_OK;
            break;
        }
        key->key_state = KMS_STATE_UNKNOWN;
        key->reasons |= KMS_BIT(KMS_REASON_STATUS_UNKNOWN);
        break;
    }
    int64_t minutes;
    if (kms_facts_number(&key->facts, KMS_FACT_LICENSE_EXPIRES, &minutes) && minutes > 0) {
        int64_t left_ms = minutes * 60000;
        if (left_ms < policy->expires_critical_ms) {
            kms_worsen(&key->key_state, KMS_STATE_CRITICAL);
            key->reasons |= KMS_BIT(KMS_REASON_KEY_EXPIRING);
        } else if (left_ms < policy->expires_warning_ms) {
            kms_worsen(&key->key_state, KMS_STATE_WARNING);
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

static int64_t license_of(const struct kms_key_judgement *key)
{
    return kms_fact_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN);
}

bool kms_key_is_licensed(const struct kms_key_judgement *key)
{
    return license_of(key) == KMS_LICENSE_LICENSED;
}

/* By a licensed key that serves all that this one does. */
static void mark_superseded(struct kms_judgement *ret)
{
    for (size_t i = 0; i < ret->key_count; i++) {
        struct kms_key_judgement *key = &ret->key[i];
        /* A state that was not recognised stays unknown: it is not known to be the lesser one. */
        bool lesser = !kms_key_is_licensed(key) && license_of(key) != KMS_LICENSE_UNKNOWN &&
                      key->application != KMS_APPLICATION_UNKNOWN;
        for (size_t j = 0; lesser && j < ret->key_count; j++) {
            const struct kms_key_judgement *other = &ret->key[j];
            bool covers = (key->classes & ~other->classes) == 0;
            if (covers && other->application == key->application && kms_key_is_licensed(other)) {
                key->superseded = true;
            }
        }
    }
}

static void find_kind(struct kms_key_judgement *key)
{
    struct kms_key_kind kind;
    key->kind_known = kms_key_kind_of(key->application,
                                      kms_facts_text(&key->facts, KMS_FACT_KEY_CHANNEL),
                                      kms_facts_text(&key->facts, KMS_FACT_EPID), &kind);
    key->classes = kind.classes;
}

void kms_judge_keys(const struct kms_evidence *evidence, const struct kms_policy *policy,
                    struct kms_judgement *ret)
{
    for (size_t i = 0; i < ret->key_count; i++) {
        find_kind(&ret->key[i]);
    }
    mark_superseded(ret);
    for (size_t i = 0; i < ret->key_count; i++) {
        struct kms_key_judgement *key = &ret->key[i];
        judge_license(key, policy);
        judge_requests(key,
                       evidence->window
                           ? evidence->window(evidence->window_arg, kms_key_window_name(key))
                           : NULL,
                       policy);
        if (key->stale) {
            key->key_state = KMS_STATE_UNKNOWN;
            key->requests_state = KMS_STATE_UNKNOWN;
            key->reasons = KMS_BIT(KMS_REASON_STALE);
        }
        if (key->superseded) {
            key->key_state = KMS_STATE_OK;
            key->reasons &= ~(KMS_BIT(KMS_REASON_KEY_NOT_LICENSED) |
                              KMS_BIT(KMS_REASON_KEY_EXPIRING));
        }
        key->state = key->key_state;
        if (kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS)) {
            kms_worsen(&key->state, key->requests_state);
        }
    }
}

/* The key that was asked last decides. One that was not seen to be asked says nothing of the time
 * before somebody looked at it. */
enum kms_status kms_judge_idle(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    int64_t idle_s = INT64_MAX, watched_s = INT64_MAX;
    for (size_t i = 0; evidence->window && i < ret->key_count; i++) {
        struct kms_window_idle idle;
        const char *name = kms_key_window_name(&ret->key[i]);
        if (!kms_window_idle(evidence->window(evidence->window_arg, name), &idle)) {
            continue;
        }
        if (idle.grown) {
            idle_s = idle.idle_s < idle_s ? idle.idle_s : idle_s;
        } else {
            watched_s = idle.watched_s < watched_s ? idle.watched_s : watched_s;
        }
    }
    if (idle_s == INT64_MAX || watched_s < idle_s) {
        return KMS_OK;
    }
    return kms_facts_set_number(&ret->host, KMS_FACT_IDLE_TIME, idle_s);
}
