/* Whom the daemon asks: the hosts on the board, the resolver, the probes in their turns, the
 * domains. */
#include "agent/program_hosts.h"

#include "agent/file_limit.h"
#include "agent/known_key.h"
#include "agent/program_store.h"
#include "net/http.h"
#include "net/resolve.h"
#include "report/probe.h"
#include "rpc/activation.h"
#include "rpc/probe.h"
#include "wsman/logins.h"
#include "wsman/probe.h"

static bool open_resolver(struct kms_program *p)
{
    const struct kms_resolver_setup setup = {.servers = p->site->dns.servers};
    struct kms_fault fault = {0};
    if (kms_resolver_new(p->env.loop, &setup, &p->env.resolver, &fault) != KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: resolver: %s", fault.text);
        return false;
    }
    p->resolvers_before = kms_resolvers_new(p->env.loop);
    return p->resolvers_before || kms_program_no_memory(p);
}

static bool fill_board(struct kms_program *p)
{
    p->board = kms_board_new(&p->site->policy, &p->env.clock, kms_program_number_of_key, p);
    if (!p->board) {
        return kms_program_no_memory(p);
    }
    for (size_t i = 0; i < p->site->host_count; i++) {
        uint32_t number = kms_program_number_of_host(p, p->site->host[i].name);
        size_t slot;
        if (number == 0 || kms_board_add(p->board, &p->site->host[i], number, &slot) != KMS_OK) {
            return kms_program_no_memory(p);
        }
    }
    kms_program_save_numbers(p);
    return true;
}

static void poll_published(void *arg)
{
    struct kms_program *p = arg;
    kms_program_save_numbers(p);
    if (p->memories) {
        kms_memories_poke(p->memories);
    }
    kms_domains_poke(p->domains);
}

static bool open_polls(struct kms_program *p)
{
    p->types[0] = kms_rpc_probe();
    p->types[1] = kms_report_probe();
    p->types[2] = kms_activation_probe();
    p->types[3] = kms_wsman_probe();
    p->env.state_dir = p->play ? NULL : p->site->state_dir;
    p->env.products = &p->site->products;
    p->env.known_key = kms_known_key_of;
    p->env.known_key_arg = p->board;
    size_t room = kms_file_limit_probes(kms_file_limit_raise());
    const struct kms_scheduler_config config = {
        .env = &p->env,
        .board = p->board,
        .log = &p->log,
        .types = p->play ? kms_play_types(p->play) : p->types,
        .interval_ms = p->site->interval_ms,
        .back_off_max = (unsigned)p->site->back_off_max,
        .sockets_max = room < KMS_SCHEDULER_SOCKETS_MAX ? room : KMS_SCHEDULER_SOCKETS_MAX,
        .published = poll_published,
        .arg = p};
    p->scheduler = kms_scheduler_new(&config);
    return p->scheduler || kms_program_no_memory(p);
}

static bool open_domains(struct kms_program *p)
{
    const struct kms_domains_config config = {.env = &p->env,
                                              .board = p->board,
                                              .scheduler = p->scheduler,
                                              .log = &p->log,
                                              .config_path = p->options->config,
                                              .number_of_name = kms_program_number_of_name,
                                              .number_of_host = kms_program_number_of_host,
                                              .published = kms_program_save_numbers,
                                              .arg = p};
    p->domains = kms_domains_open(&config, p->site);
    return p->domains || kms_program_no_memory(p);
}

bool kms_program_open_hosts(struct kms_program *p)
{
    return open_resolver(p) && fill_board(p) && open_polls(p) && open_domains(p);
}

void kms_program_stop_hosts(struct kms_program *p)
{
    kms_domains_stop(p->domains, KMS_PROGRAM_GRACE_MS);
    kms_scheduler_free(p->scheduler);
    p->scheduler = NULL;
}

void kms_program_close_hosts(struct kms_program *p)
{
    kms_domains_free(p->domains);
    p->domains = NULL;
    kms_board_free(p->board);
    p->board = NULL;
    kms_http_free(p->env.http);
    kms_resolvers_free(p->resolvers_before);
    kms_resolver_free(p->env.resolver);
    kms_logins_free(p->env.logins, KMS_PROGRAM_GRACE_MS);
}
