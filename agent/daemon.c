/* The daemon: puts the parts together, runs the loop until a signal, and takes them apart again. */
#include "agent/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agentx.h"
#include "agent/alarms_open.h"
#include "agent/control_service.h"
#include "agent/detach.h"
#include "agent/ending.h"
#include "agent/file_limit.h"
#include "agent/file_writer.h"
#include "agent/keeper.h"
#include "agent/key_number.h"
#include "agent/known_key.h"
#include "agent/lookups.h"
#include "agent/memories.h"
#include "agent/mib.h"
#include "agent/numbers.h"
#include "agent/pid_file.h"
#include "agent/privileges.h"
#include "agent/play.h"
#include "agent/reload.h"
#include "agent/resolvers.h"
#include "agent/scheduler.h"
#include "agent/site_diff.h"
#include "agent/site_open.h"
#include "agent/site_snmp.h"
#include "agent/state_dir.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undumpable.h"
#include "net/http.h"
#include "net/resolve.h"
#include "probe/worker.h"
#include "report/probe.h"
#include "rpc/activation.h"
#include "rpc/probe.h"
#include "store/index.h"
#include "wsman/logins.h"
#include "wsman/probe.h"

#define PROGRAM               "kmsmond"
#define WORKERS_MAX           16    /* reads from network mounts that may hang at the same time */
#define GRACE_MS              500   /* for reads that run when the program ends */
#define DISCOVERED_TIMEOUT_MS 10000 /* of a bind probe, as for hosts of the configuration */

struct program {
    const struct kms_options *options;
    struct kms_site *site;
    bool config_absent;
    const struct kms_simulation *simulation; /* NULL: hosts are asked */
    struct kms_quick_clock quick;
    struct kms_play *play;
    struct kms_log log;
    int state_lock;   /* -1: not locked */
    int detach_ready; /* -1: in the foreground */
    char *pid_path;   /* absolute: the working folder is given up; NULL: not written */
    struct kms_env env;
    struct kms_buf store_path, index_path;
    struct kms_worker *store_worker; /* its own: files on mounts that hang keep no record waiting */
    struct kms_keeper *keeper;
    struct kms_numbers *numbers;
    struct kms_index *index; /* of numbers */
    struct kms_memories *memories;
    struct kms_ending *ending;
    struct kms_board *board;
    const struct kms_probe_type *types[5]; /* ended by NULL */
    struct kms_scheduler *scheduler;
    struct kms_texts discover; /* the site's, or the system's search domains */
    struct kms_lookups_log lookups_log;
    struct kms_zones *zones;
    struct kms_lookups *lookups;
    struct kms_buf seen_path;
    struct kms_file_writer *seen_writer;
    struct kms_agent_facts facts;
    struct kms_mib *mib;
    struct kms_agentx *agentx;
    struct kms_agent_alarms *alarms;
    struct kms_notify *notify;
    struct kms_control_parts parts;
    struct kms_control_service *control;
    /* For reloads. */
    struct kms_options options_again; /* with an absolute path */
    char *config_path;
    struct kms_signal *reload_signal;
    bool reload_is_due; /* asked for before all parts were there */
    struct kms_reload *reload;
    struct kms_resolvers *resolvers_before;
    bool next_absent;                     /* there is no configuration file */
    struct kms_resolver *next_resolver;   /* NULL: the one in force stays */
    bool domains_are_new;                 /* since this reload */
    struct kms_texts discover_before;     /* until the lookups look elsewhere */
    struct kms_products *products_before; /* what runs may point to their rows */
    size_t products_before_count;
};

static enum kms_log_level level_of(const struct program *p, const struct kms_site *site)
{
    return p->options->verbose > 0 ? KMS_LOG_DEBUG : (enum kms_log_level)site->log_level;
}

/* A name keeps its number when it is written with other letters, as DNS would have it. */
static uint32_t number_of_name(void *arg, const char *space, const char *name)
{
    struct program *p = arg;
    char *key = kms_text_dup(name);
    if (!key) {
        return 0;
    }
    for (char *c = key; *c; c++) {
        *c = kms_text_lower(*c);
    }
    uint32_t number = kms_index_get(p->index, space, key);
    free(key);
    return number;
}

static uint32_t number_of_host(void *arg, const char *name)
{
    return number_of_name(arg, "host", name);
}

static uint32_t number_of_key(void *arg, const char *host, const char *identity)
{
    struct program *p = arg;
    return kms_key_number(p->index, &p->log, host, number_of_host(p, host), identity);
}

static bool out_of_memory(const struct program *p)
{
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: out of memory");
    return false;
}

/* What must outlive a restart needs a place, so there is no start without one. */
static bool open_state(struct program *p)
{
    struct kms_fault fault = {0};
    kms_buf_init(&p->store_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    kms_buf_init(&p->index_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    if (kms_state_dir_open(p->site->state_dir, &p->state_lock, &fault) != KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
        return false;
    }
    bool named = kms_buf_addf(&p->store_path, "%s/store", p->site->state_dir) == KMS_OK &&
                 kms_buf_addf(&p->index_path, "%s/index", p->site->state_dir) == KMS_OK;
    return named || out_of_memory(p);
}

/* Everybody puts again what is worth keeping. */
static void refill(void *arg)
{
    struct program *p = arg;
    if (p->numbers) {
        kms_numbers_save_all(p->numbers);
    }
    if (p->alarms) {
        kms_agent_alarms_refill(p->alarms);
    }
    if (p->memories) {
        kms_memories_refill(p->memories);
    }
}

/* A store that is damaged or cannot be written to stops nothing; an index file of an earlier
 * release that cannot be read does: its numbers would move to other rows. */
static bool open_keeper(struct program *p)
{
    const struct kms_keeper_config config = {.loop = p->env.loop,
                                             .worker = p->store_worker,
                                             .log = &p->log,
                                             .path = kms_buf_str(&p->store_path),
                                             .size_max = p->site->store.size_max,
                                             .history_ms = p->site->store.history_ms,
                                             .refill = refill,
                                             .arg = p};
    struct kms_fault fault = {0};
    p->keeper = kms_keeper_open(&config);
    if (!p->keeper) {
        return out_of_memory(p);
    }
    if (kms_numbers_open(p->keeper, kms_buf_str(&p->index_path), &p->log, &p->numbers, &fault) !=
        KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_ERROR,
                      "start: index file: %s; restore it, or remove it and accept new row numbers",
                      fault.text);
        return false;
    }
    p->index = kms_numbers_index(p->numbers);
    return true;
}

static bool fill_board(struct program *p)
{
    p->board = kms_board_new(&p->site->policy, &p->env.clock, number_of_key, p);
    if (!p->board) {
        return out_of_memory(p);
    }
    for (size_t i = 0; i < p->site->host_count; i++) {
        uint32_t number = number_of_host(p, p->site->host[i].name);
        size_t slot;
        if (number == 0 || kms_board_add(p->board, &p->site->host[i], number, &slot) != KMS_OK) {
            return out_of_memory(p);
        }
    }
    kms_numbers_save(p->numbers);
    return true;
}

static void save_numbers(void *arg)
{
    struct program *p = arg;
    kms_numbers_save(p->numbers);
}

static void poll_published(void *arg)
{
    struct program *p = arg;
    save_numbers(p);
    if (p->memories) {
        kms_memories_poke(p->memories);
    }
    kms_lookups_poke(p->lookups);
}

static int64_t poll_lag_ms(void *arg)
{
    const struct program *p = arg;
    return p->scheduler ? kms_scheduler_lag_ms(p->scheduler) : 0;
}

static struct kms_keeper_view store_view(void *arg)
{
    const struct program *p = arg;
    return kms_keeper_view(p->keeper);
}

static void ready_to_end(void *arg)
{
    const struct program *p = arg;
    kms_ending_ready(p->ending);
}

/* What the master took is to be confirmed, or the next start would send it again. */
static void leave(void *arg)
{
    struct program *p = arg;
    kms_alarms_leave_notify(p->alarms, p->notify, ready_to_end, p);
}

static void ask_for_reload(void *arg, int number)
{
    struct program *p = arg;
    if (p->simulation) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "reload: a simulation keeps its hosts and its configuration; start it again");
        return;
    }
    kms_log_write(&p->log, KMS_LOG_INFO, "reload: SIG%s", sigabbrev_np(number));
    if (!p->reload) {
        p->reload_is_due = true;
    } else if (!kms_reload_start(p->reload, NULL, NULL)) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "reload: out of memory, all stays as it was");
    }
}

static bool open_loop(struct program *p)
{
    p->env.clock = kms_clock_system();
    if (p->simulation) {
        const struct kms_clock real = p->env.clock;
        p->env.clock = kms_clock_quick(&p->quick, &real, p->simulation->speed);
    }
    p->env.loop = kms_loop_new(&p->env.clock);
    if (!p->env.loop) {
        return out_of_memory(p);
    }
    if (p->simulation) {
        kms_loop_set_speed(p->env.loop, p->simulation->speed);
        p->play = kms_play_new(&p->simulation->recording, &p->env.clock);
        if (!p->play) {
            return out_of_memory(p);
        }
        p->env.play = p->play;
    }
    const struct kms_ending_config ending = {.loop = p->env.loop,
                                             .log = &p->log,
                                             .wait_ms = KMS_ENDING_WAIT_MS,
                                             .leave = leave,
                                             .arg = p};
    p->ending = kms_ending_new(&ending);
    p->reload_signal = kms_signal_new(p->env.loop, SIGHUP, ask_for_reload, p);
    if (!p->ending || !p->reload_signal) {
        return out_of_memory(p);
    }
    p->env.worker = kms_worker_new(p->env.loop, WORKERS_MAX);
    p->env.http = kms_http_new(p->env.loop);
    if (!p->env.worker || !p->env.http) {
        return out_of_memory(p);
    }
    if (p->site->credentials_count > 0) {
        p->env.logins = kms_logins_new(p->env.loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY);
        if (!p->env.logins) {
            return out_of_memory(p);
        }
    }
    p->store_worker = kms_worker_new(p->env.loop, 1);
    return p->store_worker || out_of_memory(p);
}

static bool open_resolver(struct program *p)
{
    const struct kms_resolver_setup setup = {.servers = p->site->dns.servers};
    struct kms_fault fault = {0};
    if (kms_resolver_new(p->env.loop, &setup, &p->env.resolver, &fault) != KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: resolver: %s", fault.text);
        return false;
    }
    return true;
}

static bool open_polls(struct program *p)
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
        .types = p->play ? kms_play_types() : p->types,
        .interval_ms = p->site->interval_ms,
        .back_off_max = (unsigned)p->site->back_off_max,
        .sockets_max = room < KMS_SCHEDULER_SOCKETS_MAX ? room : KMS_SCHEDULER_SOCKETS_MAX,
        .published = poll_published,
        .arg = p};
    p->scheduler = kms_scheduler_new(&config);
    return p->scheduler || out_of_memory(p);
}

/* The domains that the site discovers, or those that the system searches. */
static bool find_domains(const struct program *p, const struct kms_site *site,
                         const struct kms_resolver *resolver, struct kms_texts *ret)
{
    struct kms_texts found = {0};
    enum kms_status status = kms_texts_copy(&found, &site->discover);
    const char *domain;
    for (size_t i = 0;
         status == KMS_OK && site->discover_search && (domain = kms_resolver_domain(resolver, i));
         i++) {
        status = kms_texts_add(&found, domain);
        kms_log_write(&p->log, KMS_LOG_INFO,
                      "start: no host is configured: looking for KMS hosts in the search domain %s",
                      domain);
    }
    if (status != KMS_OK) {
        kms_texts_done(&found);
        return out_of_memory(p);
    }
    if (site->discover_search && found.count == 0) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "start: nothing to watch: no host is configured and the system has no DNS "
                      "search domain; name hosts or discover a domain in %s",
                      p->options->config);
    }
    *ret = found;
    return true;
}

static void save_seen(void *arg)
{
    struct program *p = arg;
    if (p->seen_writer) {
        kms_file_writer_poke(p->seen_writer);
    }
}

/* A memory that cannot be read is a loss, but no reason not to watch. */
static void load_seen(struct program *p, struct kms_seen *ret)
{
    struct kms_fault fault = {0};
    if (p->play) {
        *ret = (struct kms_seen){0};
    } else if (kms_seen_load(kms_buf_str(&p->seen_path), ret, &fault) != KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_WARNING, "start: what was seen in DNS is not known: %s",
                      fault.text);
    } else if (ret->left_out > 0) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "start: %zu lines of %s cannot be read and are left out", ret->left_out,
                      kms_buf_str(&p->seen_path));
    }
}

static bool open_seen_writer(struct program *p)
{
    const struct kms_file_source source = {.name = "seen",
                                           .kept = "what DNS showed is",
                                           .path = kms_buf_str(&p->seen_path),
                                           .unsaved = kms_lookups_unsaved,
                                           .render = kms_lookups_render,
                                           .saved = kms_lookups_saved,
                                           .arg = p->lookups};
    p->seen_writer = kms_file_writer_open(p->env.loop, p->env.worker, &source, &p->log);
    return p->seen_writer || out_of_memory(p);
}

static void close_seen_writer(struct program *p)
{
    if (p->seen_writer) {
        kms_lookups_unsave(p->lookups);
        kms_file_writer_close(p->seen_writer, GRACE_MS);
    }
    kms_buf_done(&p->seen_path);
}

static bool site_lists(const struct program *p, const struct kms_site *site)
{
    return site->host_count > 0 && p->discover.count == 0;
}

static struct kms_lookups_config lookups_of(struct program *p, const struct kms_site *site)
{
    const struct kms_site_dns *dns = &site->dns;
    return (struct kms_lookups_config){.env = &p->env,
                                       .board = p->board,
                                       .zones = p->zones,
                                       .scheduler = p->scheduler,
                                       .log = &p->log,
                                       .discover = &p->discover,
                                       .discovered_max = (size_t)dns->discovered_max,
                                       .domain = dns->domain,
                                       .domain_count = dns->domain_count,
                                       .site_lists = site_lists(p, site),
                                       .interval_ms = dns->interval_ms > 0 ? dns->interval_ms
                                                                           : site->interval_ms,
                                       .timeout_ms = dns->timeout_ms,
                                       .rpc_timeout_ms = DISCOVERED_TIMEOUT_MS,
                                       .bind = dns->probe_records ? kms_rpc_probe() : NULL,
                                       .forget_after_ms = dns->forget_after_ms,
                                       .seen_changed = save_seen,
                                       .ask_servers = dns->all_authoritative,
                                       .servers = dns->authoritative,
                                       .number_of_host = number_of_host,
                                       .published = save_numbers,
                                       .arg = p};
}

static bool open_lookups(struct program *p)
{
    kms_buf_init(&p->seen_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    if (kms_buf_addf(&p->seen_path, "%s/seen", p->site->state_dir) != KMS_OK ||
        !find_domains(p, p->site, p->env.resolver, &p->discover)) {
        return out_of_memory(p);
    }
    p->lookups_log = (struct kms_lookups_log){.log = &p->log, .board = p->board};
    p->zones = kms_zones_new(p->board, &p->env.clock, site_lists(p, p->site), number_of_name, p,
                             kms_lookups_news, &p->lookups_log);
    if (!p->zones) {
        return out_of_memory(p);
    }
    struct kms_seen seen;
    load_seen(p, &seen);
    struct kms_lookups_config config = lookups_of(p, p->site);
    config.seen = &seen;
    p->lookups = kms_lookups_new(&config);
    kms_seen_done(&seen);
    return p->lookups ? open_seen_writer(p) : out_of_memory(p);
}

/* With all hosts on the board: what an earlier process raised for others is cleared. */
static bool open_alarms(struct program *p)
{
    const struct kms_agent_alarms_config config = {.loop = p->env.loop,
                                                   .log = &p->log,
                                                   .board = p->board,
                                                   .zones = p->zones,
                                                   .memory = kms_alarms_memory(p->keeper),
                                                   .silent = p->options->standalone,
                                                   .policy = kms_alarms_policy(&p->site->alarms)};
    p->alarms = kms_agent_alarms_new(&config);
    return p->alarms || out_of_memory(p);
}

static bool open_notify(struct program *p)
{
    if (p->options->standalone) {
        return true;
    }
    p->notify = kms_alarms_open_notify(p->alarms, p->env.loop, p->agentx, p->mib, &p->log);
    return p->notify || out_of_memory(p);
}

static bool open_snmp(struct program *p)
{
    int64_t now_s = kms_clock_wall_s(&p->env.clock);
    p->facts = (struct kms_agent_facts){.simulated = p->simulation != NULL,
                                        .started_s = now_s,
                                        .config_loaded_s = now_s,
                                        .config_result = KMS_CONFIG_OK,
                                        .interval_s = p->site->interval_ms / 1000,
                                        .poll_lag_ms = poll_lag_ms,
                                        .store = store_view,
                                        .arg = p};
    p->mib = kms_mib_new(p->board, p->zones, &p->env.clock, &p->facts);
    if (!p->mib) {
        return out_of_memory(p);
    }
    kms_alarms_show(p->alarms, p->mib);
    const struct kms_agentx_config config = {.socket = p->site->agentx,
                                             .ping_s = (p->site->ping_ms + 999) / 1000,
                                             .standalone = p->options->standalone ? &p->site->snmp
                                                                                  : NULL,
                                             .state_dir = p->site->state_dir};
    p->agentx = kms_agentx_start(p->env.loop, p->mib, &config, &p->log);
    return p->agentx != NULL;
}

/* What was known before, when all hosts are on the board that DNS and the configuration name. */
static bool open_memories(struct program *p)
{
    const struct kms_memories_config config = {
        .loop = p->env.loop, .board = p->board, .keeper = p->keeper, .log = &p->log};
    p->memories = kms_memories_open(&config);
    return p->memories || out_of_memory(p);
}

/* Its ports are open, and that was all it was root for. */
static bool give_up_privileges(struct program *p)
{
    struct kms_fault fault = {0};
    if (kms_privileges_give_up(&fault) == KMS_OK) {
        return true;
    }
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
    return false;
}

static bool open_control(struct program *p)
{
    p->parts = (struct kms_control_parts){.loop = p->env.loop,
                                          .site = p->site,
                                          .config = p->config_absent ? NULL : p->options->config,
                                          .clock = &p->env.clock,
                                          .facts = &p->facts,
                                          .board = p->board,
                                          .zones = p->zones,
                                          .scheduler = p->scheduler,
                                          .agentx = p->agentx,
                                          .alarms = p->alarms,
                                          .keeper = p->keeper,
                                          .reload = p->simulation ? NULL : p->reload};
    p->control = kms_control_service_open(p->env.loop, &p->log, p->site, &p->parts);
    return p->control != NULL;
}

/* ---- another configuration ---- */

static enum kms_status load_again(void *arg, struct kms_site *ret_site, struct kms_buf *errors)
{
    struct program *p = arg;
    if (p->simulation) {
        (void)kms_buf_add_str(errors, "a recording is played, and no configuration is in force\n");
        return KMS_EINVAL;
    }
    return kms_site_open(&p->options_again, !p->config_absent, ret_site, &p->next_absent, errors);
}

static bool complain_of(struct kms_buf *errors, const char *what)
{
    (void)kms_buf_addf(errors, "%s\n", what);
    return false;
}

static bool prepare_resolver(struct program *p, const struct kms_site *next, struct kms_buf *errors)
{
    const struct kms_resolver_setup setup = {.servers = next->dns.servers};
    struct kms_fault fault = {0};
    struct kms_resolver *resolver;
    if (kms_resolvers_reserve(p->resolvers_before) != KMS_OK) {
        return complain_of(errors, "out of memory");
    }
    if (kms_resolver_new(p->env.loop, &setup, &resolver, &fault) != KMS_OK) {
        return complain_of(errors, fault.text);
    }
    if (kms_resolvers_alike(p->env.resolver, resolver)) {
        kms_resolver_free(resolver);
    } else {
        p->next_resolver = resolver;
    }
    return true;
}

static bool prepare_logins(struct program *p, const struct kms_site *next, struct kms_buf *errors)
{
    struct kms_fault fault = {0};
    if (next->credentials_count == 0 || p->env.logins) {
        return true;
    }
    if (kms_undumpable(&fault) != KMS_OK) {
        return complain_of(errors, fault.text);
    }
    p->env.logins = kms_logins_new(p->env.loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY);
    return p->env.logins || complain_of(errors, "out of memory");
}

static bool prepare_products(struct program *p, struct kms_buf *errors)
{
    struct kms_products *grown = realloc(p->products_before,
                                         (p->products_before_count + 1) * sizeof *grown);
    if (!grown) {
        return complain_of(errors, "out of memory");
    }
    p->products_before = grown;
    return true;
}

static bool prepare(void *arg, struct kms_site *next, struct kms_buf *errors)
{
    struct program *p = arg;
    if (!prepare_products(p, errors) || !prepare_logins(p, next, errors) ||
        !prepare_resolver(p, next, errors)) {
        return false;
    }
    const struct kms_resolver *resolver = p->next_resolver ? p->next_resolver : p->env.resolver;
    struct kms_texts discover;
    if (!find_domains(p, next, resolver, &discover)) {
        kms_resolver_free(p->next_resolver);
        p->next_resolver = NULL;
        return complain_of(errors, "out of memory");
    }
    p->discover_before = p->discover;
    p->discover = discover;
    return true;
}

/* Requests that are under way, and what is left to write of them, point to rows of the products. */
static void take_products(struct program *p, struct kms_site *next)
{
    if (kms_site_same_products(&p->site->products, &next->products)) {
        return;
    }
    p->products_before[p->products_before_count++] = p->site->products;
    p->site->products = next->products;
    next->products = (struct kms_products){0};
}

static const struct kms_credentials *find_credentials(const struct kms_site *site, const char *name)
{
    for (size_t i = 0; i < site->credentials_count; i++) {
        if (kms_text_equal(site->credentials[i].name, name)) {
            return &site->credentials[i];
        }
    }
    return NULL;
}

/* What was refused was another login. */
static void forget_refusals(const struct program *p, const struct kms_site *next)
{
    for (size_t i = 0; p->env.logins && i < next->credentials_count; i++) {
        const struct kms_credentials *is = &next->credentials[i];
        if (!kms_site_same_credentials(find_credentials(p->site, is->name), is)) {
            kms_logins_rest(p->env.logins, is->name, 0, "");
        }
    }
}

static void begin_again(void *arg, struct kms_site *next)
{
    struct program *p = arg;
    forget_refusals(p, next);
    p->log.level = level_of(p, next);
    kms_agent_alarms_hold(p->alarms, true);
    take_products(p, next);
    if (p->next_resolver) {
        kms_resolvers_keep(p->resolvers_before, p->env.resolver);
        p->env.resolver = p->next_resolver;
        p->next_resolver = NULL;
    }
}

static enum kms_status settle(void *arg, const struct kms_site *next)
{
    struct program *p = arg;
    const struct kms_lookups_config config = lookups_of(p, next);
    if (!p->domains_are_new) {
        if (kms_lookups_change(p->lookups, &config) != KMS_OK) {
            return KMS_ENOMEM;
        }
        p->domains_are_new = true;
        kms_texts_done(&p->discover_before);
    }
    if (!kms_lookups_is_settled(p->lookups)) {
        return KMS_EBUSY;
    }
    const struct kms_agent_alarms_policy alarms = kms_alarms_policy(&next->alarms);
    return kms_agent_alarms_set_policy(p->alarms, &alarms);
}

static void in_force(void *arg)
{
    struct program *p = arg;
    p->domains_are_new = false;
    p->config_absent = p->next_absent;
    p->parts.config = p->config_absent ? NULL : p->options_again.config;
    kms_agent_alarms_hold(p->alarms, false);
    kms_agent_alarms_sweep(p->alarms);
    save_numbers(p);
}

static bool open_reload(struct program *p)
{
    p->options_again = *p->options;
    if (p->options->detach) {
        p->config_path = kms_file_absolute(p->options->config);
        if (!p->config_path) {
            return out_of_memory(p);
        }
        p->options_again.config = p->config_path;
    }
    const struct kms_reload_config config = {.env = &p->env,
                                             .board = p->board,
                                             .scheduler = p->scheduler,
                                             .lookups = p->lookups,
                                             .log = &p->log,
                                             .facts = &p->facts,
                                             .site = p->site,
                                             .with_port = p->options->standalone,
                                             .load = load_again,
                                             .load_arg = p,
                                             .prepare = prepare,
                                             .begin = begin_again,
                                             .settle = settle,
                                             .over = in_force,
                                             .number_of_host = number_of_host,
                                             .arg = p};
    p->resolvers_before = kms_resolvers_new(p->env.loop);
    p->reload = p->resolvers_before ? kms_reload_new(&config) : NULL;
    if (!p->reload) {
        return out_of_memory(p);
    }
    kms_site_forget_hosts(p->site);
    return true;
}

static void close_reload(struct program *p)
{
    kms_texts_done(&p->discover_before);
    for (size_t i = 0; i < p->products_before_count; i++) {
        kms_products_done(&p->products_before[i]);
    }
    free(p->products_before);
    free(p->config_path);
}

static bool write_pid(struct program *p)
{
    if (!p->options->pid_file) {
        return true;
    }
    struct kms_fault fault = {0};
    p->pid_path = kms_pid_file_write(p->options->pid_file, &fault);
    if (!p->pid_path) {
        kms_log_write(
            &p->log, KMS_LOG_ERROR,
            "start: pid file: %s; the user that runs kmsmond must be able to write its folder",
            fault.text);
    }
    return p->pid_path != NULL;
}

static void close_program(struct program *p)
{
    kms_ending_over(p->ending);
    kms_keeper_settle(p->keeper, GRACE_MS);
    kms_control_service_close(p->control);
    kms_reload_free(p->reload);
    p->reload = NULL; /* a signal may come still */
    close_seen_writer(p);
    kms_lookups_free(p->lookups);
    kms_scheduler_free(p->scheduler);
    kms_memories_close(p->memories);
    kms_alarms_close_notify(p->alarms, p->notify);
    kms_agentx_stop(p->agentx);
    kms_mib_free(p->mib);
    kms_agent_alarms_free(p->alarms);
    if (p->zones) {
        kms_zones_free(p->zones);
    }
    kms_texts_done(&p->discover);
    kms_board_free(p->board);
    if (p->env.http) {
        kms_http_free(p->env.http);
    }
    kms_resolvers_free(p->resolvers_before);
    kms_resolver_free(p->next_resolver);
    kms_resolver_free(p->env.resolver);
    kms_logins_free(p->env.logins, GRACE_MS);
    kms_numbers_close(p->numbers);
    kms_keeper_close(p->keeper, GRACE_MS);
    if (p->store_worker) {
        kms_worker_free(p->store_worker, GRACE_MS);
    }
    if (p->env.worker) {
        kms_worker_free(p->env.worker, GRACE_MS);
    }
    close_reload(p);
    if (p->reload_signal) {
        kms_signal_free(p->reload_signal);
    }
    kms_ending_free(p->ending);
    if (p->env.loop) {
        kms_loop_free(p->env.loop);
    }
    kms_play_free(p->play);
    kms_buf_done(&p->store_path);
    kms_buf_done(&p->index_path);
    kms_pid_file_remove(p->pid_path);
    if (p->state_lock >= 0) {
        (void)close(p->state_lock);
    }
}

static void go(struct program *p)
{
    if (p->detach_ready >= 0) {
        p->log = kms_log_syslog(PROGRAM, p->log.level);
        kms_detach_ready(p->detach_ready);
    }
    if (p->simulation) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "start: " PROGRAM " " KMSMON_VERSION
                      ", a simulation: nothing here is true of "
                      "any host; %zu hosts of %s, %lld times as fast as time, state in %s",
                      p->site->host_count, p->options->simulate, (long long)p->simulation->speed,
                      p->site->state_dir);
        kms_log_write(&p->log, KMS_LOG_INFO,
                      "start: ask it with 'kmsmon status --socket %s' or 'check_kms --agent=%s -H "
                      "HOST'",
                      p->site->control.socket, p->site->control.socket);
    } else if (p->config_absent) {
        kms_log_write(&p->log, KMS_LOG_INFO,
                      "start: " PROGRAM " " KMSMON_VERSION ", without a configuration: %s does not "
                      "exist",
                      p->options->config);
    } else {
        kms_log_write(&p->log, KMS_LOG_INFO,
                      "start: " PROGRAM " " KMSMON_VERSION ", %zu hosts of %s", p->site->host_count,
                      p->options->config);
    }
    if (kms_privileges_are_ours() && !p->simulation) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "start: this is root, which nothing here needs; set user = \"kmsmon\"");
    }
    if (p->reload_is_due) {
        (void)kms_reload_start(p->reload, NULL, NULL);
    }
    kms_loop_run(p->env.loop);
}

static bool detach(struct program *p)
{
    if (!p->options->detach) {
        return true;
    }
    if (!kms_detach_begin(&p->detach_ready)) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: no new process: %s", strerrordesc_np(errno));
        return false;
    }
    return true;
}

/* Libraries copy the passwords that they are given. */
static bool close_memory(struct program *p)
{
    struct kms_fault fault = {0};
    if (p->site->credentials_count == 0 || kms_undumpable(&fault) == KMS_OK) {
        return true;
    }
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
    return false;
}

int kms_daemon_run(const struct kms_options *options, struct kms_site *site, bool config_absent,
                   const struct kms_simulation *simulation)
{
    /* One heap for all threads: what one takes another gives back, and with a heap for each every
     * reload left its holes in another one. They hardly meet there. */
    (void)mallopt(M_ARENA_MAX, 1);
    struct program program = {.options = options,
                              .site = site,
                              .config_absent = config_absent,
                              .simulation = simulation,
                              .state_lock = -1,
                              .detach_ready = -1};
    struct program *p = &program;
    /* A master agent or a web server that goes away is an error of a write, not the end. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    p->log = kms_log_stderr(level_of(p, p->site));
    bool ready = close_memory(p) && open_state(p) && detach(p) && open_loop(p) && open_keeper(p) &&
                 open_resolver(p) && fill_board(p) && open_polls(p) && open_lookups(p) &&
                 open_memories(p) && open_alarms(p) && open_snmp(p) && give_up_privileges(p) &&
                 open_notify(p) && open_reload(p) && open_control(p) && write_pid(p);
    if (ready) {
        go(p);
    }
    close_program(p);
    return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
