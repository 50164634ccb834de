/* Whom the daemon tells: the alarms, the MIB's tables, the way to the master, notifications. */
#include "agent/program_snmp.h"

#include "agent/alarms_open.h"
#include "agent/privileges.h"

static bool open_alarms(struct kms_program *p)
{
    const struct kms_agent_alarms_config config = {
        .loop = p->env.loop,
        .log = &p->log,
        .board = p->board,
        .zones = kms_domains_zones(p->domains),
        .memory = kms_alarms_memory(p->keeper, p->env.loop),
        .silent = p->options->standalone,
        .policy = kms_alarms_policy(&p->site->alarms)};
    p->alarms = kms_agent_alarms_new(&config);
    return p->alarms || kms_program_no_memory(p);
}

static int64_t poll_lag_ms(void *arg)
{
    const struct kms_program *p = arg;
    return p->scheduler ? kms_scheduler_lag_ms(p->scheduler) : 0;
}

static struct kms_keeper_view store_view(void *arg)
{
    const struct kms_program *p = arg;
    return kms_keeper_view(p->keeper);
}

static bool open_mib(struct kms_program *p)
{
    int64_t now_s = kms_clock_wall_s(&p->env.clock);
    p->facts = (struct kms_agent_facts){.simulated = p->simulation != NULL,
                                        .speed = p->simulation ? p->simulation->speed : 0,
                                        .started_s = now_s,
                                        .config_loaded_s = now_s,
                                        .config_result = KMS_CONFIG_OK,
                                        .interval_s = p->site->interval_ms / 1000,
                                        .poll_lag_ms = poll_lag_ms,
                                        .store = store_view,
                                        .arg = p};
    p->mib = kms_mib_new(p->board, kms_domains_zones(p->domains), &p->env.clock, &p->facts);
    if (!p->mib) {
        return kms_program_no_memory(p);
    }
    kms_alarms_show(p->alarms, p->mib);
    return true;
}

static bool open_agent(struct kms_program *p)
{
    const struct kms_agentx_config config = {.socket = p->site->agentx,
                                             .ping_s = (p->site->ping_ms + 999) / 1000,
                                             .standalone = p->options->standalone ? &p->site->snmp
                                                                                  : NULL,
                                             .state_dir = p->site->state_dir};
    p->agentx = kms_agentx_start(p->env.loop, p->mib, &config, &p->log);
    return p->agentx != NULL;
}

/* Its ports are open, and that was all it was root for. */
static bool give_up_privileges(const struct kms_program *p)
{
    struct kms_fault fault = {0};
    if (kms_privileges_give_up(&fault) == KMS_OK) {
        return true;
    }
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
    return false;
}

static bool open_notify(struct kms_program *p)
{
    if (p->options->standalone) {
        return true;
    }
    p->notify = kms_alarms_open_notify(p->alarms, p->env.loop, p->agentx, p->mib, &p->log);
    return p->notify || kms_program_no_memory(p);
}

bool kms_program_open_snmp(struct kms_program *p)
{
    return open_alarms(p) && open_mib(p) && open_agent(p) && give_up_privileges(p) &&
           open_notify(p);
}

void kms_program_leave_snmp(struct kms_program *p, void (*ready)(void *arg), void *arg)
{
    kms_alarms_leave_notify(p->alarms, p->notify, ready, arg);
}

void kms_program_close_snmp(struct kms_program *p)
{
    kms_alarms_close_notify(p->alarms, p->notify);
    p->notify = NULL;
    kms_agentx_stop(p->agentx);
    kms_mib_free(p->mib);
    kms_agent_alarms_free(p->alarms);
    p->alarms = NULL;
}
