/* Judges and shows the activation of host keys for check_kms_key and check_kms. */
#include "license.h"

#include <string.h>

#include "base/text.h"
#include "show.h"

#define DAY_MS 86400000.0

static bool ranged(const struct kms_check *check)
{
    return check->type->parts == KMS_CHECK_KEY && kms_check_ranged(check);
}

/* A licensed key without an end has no days to count. */
static bool days_left(const struct kms_key_judgement *key, double *ret)
{
    int64_t minutes;

    if (!kms_facts_number(&key->facts, KMS_FACT_LICENSE_EXPIRES, &minutes) || minutes <= 0) {
        return false;
    }
    *ret = (double)minutes / (24 * 60);
    return true;
}

enum kms_state kms_license_state(const struct kms_check *check, size_t key)
{
    const struct kms_key_judgement *of = &check->judgement.key[key];
    double days;

    if (ranged(check) && !of->stale && !of->superseded && days_left(of, &days)) {
        return kms_state_worse(of->key_state, kms_check_range_state(check, days));
    }
    return of->key_state;
}

void kms_license_short_text(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    char *code, *colon;

    kms_judge_key_text(&check->judgement.key[key], dst, size);
    code = strstr(dst, ", 0x");
    colon = code != NULL ? strstr(code, ": ") : NULL;
    if (colon != NULL) {
        *colon = '\0';
    }
}

static void add_licensed(struct kms_check *check, size_t key)
{
    const struct kms_facts *facts = &check->judgement.key[key].facts;
    char label[64];
    struct kms_perf perf;

    kms_show_label(check, "licensed", key, label, sizeof(label));
    perf = kms_show_fact_perf(check, label, key, KMS_FACT_LICENSE_STATUS);
    perf.known = perf.known && kms_facts_has(facts, KMS_FACT_LICENSE_STATUS) &&
                 (int)perf.value != KMS_LICENSE_UNKNOWN;
    perf.value = (int)perf.value == KMS_LICENSE_LICENSED ? 1 : 0;
    perf.max_known = true;
    perf.max = 1;
    kms_output_perf(&check->out, &perf);
}

static void add_expiry(struct kms_check *check, size_t key)
{
    const struct kms_key_judgement *of = &check->judgement.key[key];
    char label[64];
    struct kms_perf perf = {.label = label};

    kms_show_label(check, "expires", key, label, sizeof(label));
    perf.known = !of->stale && days_left(of, &perf.value);
    if (ranged(check)) {
        perf.warning = check->warning;
        perf.critical = check->critical;
    } else {
        const struct kms_policy *policy = &check->options.policy;
        perf.warning = kms_range_at_least((double)policy->expires_warning_ms / DAY_MS);
        perf.critical = kms_range_at_least((double)policy->expires_critical_ms / DAY_MS);
    }
    kms_output_perf(&check->out, &perf);
}

void kms_license_perf(struct kms_check *check)
{
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        char label[64];
        struct kms_perf perf;
        add_licensed(check, i);
        add_expiry(check, i);
        kms_show_label(check, "rearms", i, label, sizeof(label));
        perf = kms_show_fact_perf(check, label, i, KMS_FACT_REARM_COUNT);
        kms_output_perf(&check->out, &perf);
    }
}
