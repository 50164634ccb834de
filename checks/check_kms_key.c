/* check_kms_key: is the host key activated, and for how long? */
#include "frame.h"
#include "license.h"
#include "show.h"

/* -w and -c stand in the place of the judge's own limits, whoever set those. */
static void prepare(struct kms_check *check)
{
    if (kms_check_ranged(check)) {
        check->options.policy.expires_warning_ms = 0;
        check->options.policy.expires_critical_ms = 0;
    }
}

static enum kms_state show(struct kms_check *check)
{
    enum kms_state state = check->judgement.key_count > 0 ? KMS_STATE_OK : KMS_STATE_UNKNOWN;
    bool stale = kms_show_stale(check);
    uint32_t reasons = 0;

    if (!stale) {
        kms_show_first(check, kms_license_short_text, kms_license_state);
    }
    kms_license_perf(check);
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        enum kms_state of_key = stale ? KMS_STATE_UNKNOWN : kms_license_state(check, i);
        state = kms_state_worse(state, of_key);
        reasons |= check->judgement.key[i].reasons;
        if (kms_check_ranged(check) && of_key != check->judgement.key[i].key_state) {
            reasons |= KMS_BIT(KMS_REASON_KEY_EXPIRING);
        }
        kms_show_key_node(check, 0, i, of_key);
        kms_show_license_node(check, 1, i, of_key);
    }
    kms_show_source(check, 0);
    reasons &= KMS_BIT(KMS_REASON_KEY_NOT_LICENSED) | KMS_BIT(KMS_REASON_KEY_EXPIRING) |
               KMS_BIT(KMS_REASON_STATUS_UNKNOWN);
    kms_show_advice(check, stale ? KMS_BIT(KMS_REASON_STALE) : reasons);
    return state;
}

static const struct kms_check_type type = {
    .name = "check_kms_key",
    .purpose = "Checks whether the host keys of a KMS host are activated, and for how long.",
    .parts = KMS_CHECK_KEY,
    .metric = "the days until the activation ends, if it does",
    .note = "Without them --expires-warning and --expires-critical decide.",
    .prepare = prepare,
    .show = show,
};

int main(int argc, char **argv)
{
    return kms_check_main(&type, argc, argv);
}
