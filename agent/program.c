/* The daemon without its signals: the order in which its parts are opened, and taken apart again.
 */
#include "agent/program.h"

#include "agent/program_hosts.h"
#include "agent/program_snmp.h"
#include "agent/program_store.h"
#include "net/http.h"
#include "wsman/logins.h"

#define WORKERS_MAX 16 /* reads from network mounts that may hang at the same time */

/* ---- the loop, and who works beside it ---- */

static bool open_play(struct kms_program *p)
{
    if (!p->simulation) {
        return true;
    }
    kms_loop_set_speed(p->env.loop, p->simulation->speed);
    p->play = kms_play_new(&p->simulation->recording, &p->env.clock);
    p->env.play = p->play;
    return p->play || kms_program_no_memory(p);
}

bool kms_program_open_loop(struct kms_program *p)
{
    p->env.clock = kms_clock_system();
    if (p->simulation) {
        const struct kms_clock real = p->env.clock;
        p->env.clock = kms_clock_quick(&p->quick, &real, p->simulation->speed);
    }
    p->env.loop = kms_loop_new(&p->env.clock);
    return p->env.loop ? open_play(p) : kms_program_no_memory(p);
}

static bool open_workers(struct kms_program *p)
{
    p->env.worker = kms_worker_new(p->env.loop, WORKERS_MAX);
    p->env.http = kms_http_new(p->env.loop);
    p->store_worker = kms_worker_new(p->env.loop, 1);
    if (!p->env.worker || !p->env.http || !p->store_worker) {
        return kms_program_no_memory(p);
    }
    if (p->site->credentials_count > 0) {
        p->env.logins = kms_logins_new(p->env.loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY);
        return p->env.logins || kms_program_no_memory(p);
    }
    return true;
}

/* ---- who may ask, and change something ---- */

static bool open_renewal(struct kms_program *p)
{
    const struct kms_renewal_config config = {.options = p->options,
                                              .is_played = p->simulation != NULL,
                                              .config_absent = p->config_absent,
                                              .site = p->site,
                                              .env = &p->env,
                                              .log = &p->log,
                                              .board = p->board,
                                              .scheduler = p->scheduler,
                                              .domains = p->domains,
                                              .alarms = p->alarms,
                                              .facts = &p->facts,
                                              .resolvers = p->resolvers_before,
                                              .config_path = &p->control_parts.config,
                                              .number_of_host = kms_program_number_of_host,
                                              .over = kms_program_save_numbers,
                                              .arg = p};
    p->renewal = kms_renewal_open(&config);
    return p->renewal || kms_program_no_memory(p);
}

static bool open_control(struct kms_program *p)
{
    p->control_parts = (struct kms_control_parts){
        .loop = p->env.loop,
        .site = p->site,
        .config = p->config_absent ? NULL : p->options->config,
        .clock = &p->env.clock,
        .facts = &p->facts,
        .board = p->board,
        .zones = kms_domains_zones(p->domains),
        .scheduler = p->scheduler,
        .agentx = p->agentx,
        .alarms = p->alarms,
        .keeper = p->keeper,
        .reload = p->simulation ? NULL : kms_renewal_reload(p->renewal)};
    p->control = kms_control_service_open(p->env.loop, &p->log, p->site, &p->control_parts);
    return p->control != NULL;
}

/* ---- the order ---- */

bool kms_program_open(struct kms_program *p)
{
    return open_workers(p) && kms_program_open_store(p) && kms_program_open_hosts(p) &&
           kms_program_open_memories(p) && kms_program_open_snmp(p) && open_renewal(p) &&
           open_control(p);
}

void kms_program_close(struct kms_program *p)
{
    kms_keeper_settle(p->keeper, KMS_PROGRAM_GRACE_MS);
    kms_control_service_close(p->control);
    kms_renewal_stop(p->renewal);
    kms_program_stop_hosts(p);
    kms_memories_close(p->memories);
    p->memories = NULL;
    kms_program_close_snmp(p);
    kms_program_close_hosts(p);
    kms_program_close_store(p);
    kms_worker_free(p->store_worker, KMS_PROGRAM_GRACE_MS);
    kms_worker_free(p->env.worker, KMS_PROGRAM_GRACE_MS);
    kms_renewal_free(p->renewal);
    p->renewal = NULL;
}

void kms_program_close_loop(struct kms_program *p)
{
    kms_loop_free(p->env.loop);
    kms_play_free(p->play);
}
