/* The seams of the alarms: each function here is one call of another part. */
#include "agent/alarms_open.h"

struct kms_agent_alarms_policy kms_alarms_policy(const struct kms_site_alarms *site)
{
    struct kms_agent_alarms_policy policy = {.per_minute = (uint32_t)site->per_minute};
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        const struct kms_site_alarm *type = &site->type[i];
        int64_t confirm = type->confirm > 0 ? type->confirm : site->confirm;
        policy.rules.type[i] = (struct kms_alarm_rule){.enabled = type->enabled,
                                                       .confirm = (uint32_t)confirm};
    }
    return policy;
}

/* ---- the keeper ---- */

static void keeper_each(void *arg, enum kms_store_kind kind, kms_keeper_row_fn *row, void *row_arg)
{
    kms_keeper_each(arg, kind, row, row_arg);
}

static enum kms_status keeper_put(void *arg, enum kms_store_kind kind, const char *name,
                                  const void *bytes, size_t len)
{
    return kms_keeper_put(arg, kind, name, bytes, len);
}

static enum kms_status keeper_remove(void *arg, enum kms_store_kind kind, const char *name)
{
    return kms_keeper_remove(arg, kind, name);
}

static struct kms_keeper_ticket *keeper_flush(void *arg, kms_keeper_done_fn *done, void *done_arg)
{
    return kms_keeper_flush(arg, done, done_arg);
}

struct kms_alarm_memory kms_alarms_memory(struct kms_keeper *keeper, const struct kms_loop *loop)
{
    /* A disk takes its time however quick the clock is. */
    int64_t patience_us = KMS_ALARM_PATIENCE_US * kms_loop_speed(loop);
    return (struct kms_alarm_memory){.arg = keeper,
                                     .each = keeper_each,
                                     .put = keeper_put,
                                     .remove = keeper_remove,
                                     .flush = keeper_flush,
                                     .forget = kms_keeper_forget,
                                     .patience_us = patience_us};
}

/* ---- the MIB ---- */

static struct kms_mib_notified notified(void *arg)
{
    const struct kms_agent_alarms *alarms = arg;
    struct kms_alarm_counts counts = kms_agent_alarms_counts(alarms);
    return (struct kms_mib_notified){.known = !kms_agent_alarms_is_silent(alarms),
                                     .sent = counts.sent,
                                     .suppressed = counts.suppressed};
}

void kms_alarms_show(struct kms_agent_alarms *alarms, struct kms_mib *mib)
{
    kms_mib_set_alarms(mib, kms_agent_alarms_table(alarms), notified, alarms);
}

/* ---- who notifies ---- */

static enum kms_status send(void *arg, uint64_t notice, const struct kms_alarm_news *news)
{
    return kms_notify_send(arg, notice, news);
}

struct kms_notify *kms_alarms_open_notify(struct kms_agent_alarms *alarms, struct kms_loop *loop,
                                          struct kms_agentx *agentx, struct kms_mib *mib,
                                          const struct kms_log *log)
{
    const struct kms_notify_config config = {.loop = loop,
                                             .agentx = agentx,
                                             .mib = mib,
                                             .log = log,
                                             .confirmed = kms_agent_alarms_confirmed,
                                             .arg = alarms};
    struct kms_notify *notify = kms_notify_new(&config);
    if (notify) {
        const struct kms_alarm_teller teller = {.arg = notify, .send = send};
        kms_agent_alarms_set_teller(alarms, &teller);
    }
    return notify;
}

void kms_alarms_leave_notify(struct kms_agent_alarms *alarms, struct kms_notify *notify,
                             void (*quiet)(void *arg), void *arg)
{
    if (!notify) {
        quiet(arg);
        return;
    }
    kms_agent_alarms_set_teller(alarms, NULL);
    kms_notify_finish(notify, quiet, arg);
}

void kms_alarms_close_notify(struct kms_agent_alarms *alarms, struct kms_notify *notify)
{
    if (notify) {
        kms_agent_alarms_set_teller(alarms, NULL);
    }
    kms_notify_free(notify);
}
