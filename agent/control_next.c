/* Advice by reason, where no source has failed and brought its own. */
#include "agent/control_next.h"

#include "base/text.h"

static const char more_machines[] =
    "let more machines of the class ask this host (slmgr /ato there)";
/* Where nobody has said what the site relies on. */
static const char more_machines_or_classes[] =
    "let more machines of the class ask this host (slmgr /ato there), or say with classes in its "
    "block what the site relies on";

struct advice {
    enum kms_reason reason;
    const char *text;
};

static const struct advice advices[] = {
    {KMS_REASON_SERVICE_DOWN,
     "start the service Software Protection (sppsvc) on the host, and look "
     "into its Application log for why it stopped"},
    {KMS_REASON_KEY_NOT_LICENSED, "activate the host key on the host (slmgr /ato), by telephone if "
                                  "it has no way to the Internet"},
    {KMS_REASON_KEY_EXPIRING,
     "activate the host key again on the host (slmgr /ato) before it ends"},
    {KMS_REASON_STATUS_UNKNOWN, "look at the license status with slmgr /dlv on the host"},
    {KMS_REASON_NOT_SERVED,
     "install a host key for the class, or take the class out of classes of the host's block"},
    {KMS_REASON_COUNT_LOW, more_machines},
    {KMS_REASON_FAILED_REQUESTS, "look for event 12290 and its error codes in the Key Management "
                                 "Service log of the host"},
    {KMS_REASON_NOT_ACTIVATING, "look up what the error code of the activation request means, and "
                                "whether the host's key serves the product asked for"},
    {KMS_REASON_NOT_PUBLISHED, "compare the SRV records with kmsmon discover, and let the host "
                               "publish itself (slmgr /sdns) or make the record by hand"},
    {KMS_REASON_FEW_HOSTS, "publish another host in the domain or revive one of those that do not "
                           "answer: kmsmon discover shows them"},
    {KMS_REASON_CLOCK_SKEW, "let the host's clock be synchronised (w32tm /resync)"},
    {KMS_REASON_CONFIG_DRIFT, "compare the host's own settings with what clients expect"},
    {KMS_REASON_SUSPICIOUS, "find out who set this host up; its answers are not those of a genuine "
                            "KMS host"},
    {KMS_REASON_NOT_KMS, "find out what listens on the port of this host"},
    {KMS_REASON_UNREACHABLE, "look whether the host runs and its port is open to the monitor"},
    {KMS_REASON_STALE, "wait for the next poll, or have the host asked with kmsmon probe-now; when "
                       "that does not help, look into the log of kmsmond"},
    {KMS_REASON_NO_DATA, "wait for the first poll, or have the host asked with kmsmon probe-now"},
};

/* Read as it should be, and old. */
static const char old_report[] = "look at the task on the host that writes the report and at the "
                                 "date of its file, or raise max-age";

/* One that speaks of the host goes before one that speaks of ourselves. */
static const struct kms_outcome_row *failed_source(const struct kms_snapshot *snapshot)
{
    const struct kms_outcome_row *ours = NULL;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        const struct kms_result *last = snapshot->last[i];
        if (!last || kms_outcome_good(last->outcome)) {
            continue;
        }
        const struct kms_outcome_row *row = kms_outcome_row(last->outcome);
        if (row->kind == KMS_OUTCOME_IS_TARGET && row->hint[0] != '\0') {
            return row;
        }
        ours = ours ? ours : row;
    }
    return ours;
}

static const char *advice_of(uint32_t reasons)
{
    for (size_t i = 0; i < KMS_COUNT_OF(advices); i++) {
        if (reasons & KMS_BIT(advices[i].reason)) {
            return advices[i].text;
        }
    }
    return "";
}

const char *kms_control_next_step(const struct kms_snapshot *snapshot)
{
    const struct kms_judgement *judgement = &snapshot->judgement;
    if (judgement->state == KMS_STATE_OK) {
        return "";
    }
    const struct kms_outcome_row *failed = failed_source(snapshot);
    if (failed && failed->hint[0] != '\0') {
        return failed->hint;
    }
    const char *advice = advice_of(judgement->reasons);
    if (advice == more_machines && snapshot->target->classes == 0) {
        return more_machines_or_classes;
    }
    bool old = judgement->source[KMS_SOURCE_REPORT].stale;
    return old && advice == advice_of(KMS_BIT(KMS_REASON_STALE)) ? old_report : advice;
}

const char *kms_control_next_step_of_domain(const struct kms_zone *zone)
{
    if (zone->state == KMS_STATE_OK) {
        return "";
    }
    const char *hint = kms_outcome_good(zone->outcome) ? "" : kms_outcome_row(zone->outcome)->hint;
    return hint[0] != '\0' ? hint : advice_of(zone->reasons);
}
