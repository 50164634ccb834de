/* The tables' way out: an AgentX subagent that is kept connected to its master, or an agent of its
 * own. */
#include "agent/agentx.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>

#include "agent/agentx_tables.h"
#include "agent/agentx_unix.h"
#include "agent/mib_table.h"
#include "agent/site.h"
#include "agent/snmp_library.h"
#include "agent/snmp_master.h"

#define SOCKET_MAX 256
#define NAME_SIZE  64   /* of a user or a group */
#define NAMES_MAX  8192 /* their entries, members included */

struct kms_agentx {
    struct kms_mib *mib;
    const struct kms_log *log;
    struct kms_snmp_library *library;
    struct kms_agentx_tables *tables; /* NULL: it has no master */
    struct kms_timer *look;           /* whether the master is still the one that is connected to */
    bool master;                      /* its own, there is no other */
    char socket[SOCKET_MAX];          /* as configured, for messages */
    int64_t ping_s;
    bool connected;
    netsnmp_session *session;   /* NULL: not connected */
    void (*changed)(void *arg); /* NULL: nobody asked */
    void *arg;
    int tried; /* errno of the last attempt to connect, 0: it was accepted */
};

static void tell_change(const struct kms_agentx *agentx)
{
    if (agentx->changed != NULL) {
        agentx->changed(agentx->arg);
    }
}

static int on_connect(int major, int minor, void *session, void *arg)
{
    (void)major;
    (void)minor;
    struct kms_agentx *agentx = arg;
    agentx->connected = true;
    agentx->session = session;
    kms_agentx_tables_begin(agentx->tables);
    kms_log_write(agentx->log, KMS_LOG_INFO, "agentx %s: connected to the master agent",
                  agentx->socket);
    tell_change(agentx);
    return SNMPERR_SUCCESS;
}

static int on_disconnect(int major, int minor, void *session, void *arg)
{
    (void)major;
    (void)minor;
    (void)session;
    struct kms_agentx *agentx = arg;
    if (agentx->connected) {
        kms_log_write(agentx->log, KMS_LOG_WARNING,
                      "agentx %s: lost the master agent, trying again every %lld s", agentx->socket,
                      (long long)agentx->ping_s);
    }
    agentx->connected = false;
    agentx->session = NULL;
    agentx->tried = 0;
    kms_agentx_tables_begin(agentx->tables);
    tell_change(agentx);
    return SNMPERR_SUCCESS;
}

/* Connected, the tables were refused, or all that were are taken. */
static void on_tables(void *arg)
{
    const struct kms_agentx *agentx = arg;
    struct kms_agentx_refusal refusal = kms_agentx_tables_refusal(agentx->tables);
    if (refusal.tables == 0) {
        kms_log_write(agentx->log, KMS_LOG_INFO, "agentx %s: the master agent took the tables",
                      agentx->socket);
    } else if (refusal.other_has_it) {
        kms_log_write(agentx->log, KMS_LOG_WARNING,
                      "agentx %s: the master agent refused %zu of %zu tables, which another agent "
                      "has: is another kmsmond connected to it? Asking again every %lld s",
                      agentx->socket, refusal.tables, refusal.of, (long long)agentx->ping_s);
    } else {
        kms_log_write(
            agentx->log, KMS_LOG_WARNING,
            "agentx %s: the master agent refused %zu of %zu tables with error %ld; asking "
            "again every %lld s",
            agentx->socket, refusal.tables, refusal.of, refusal.error, (long long)agentx->ping_s);
    }
}

/* Names, or numbers where there are none. */
static void name_owner(char *user, char *group)
{
    char buf[NAMES_MAX];
    struct passwd pw, *found_pw = NULL;
    struct group gr, *found_gr = NULL;
    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found_pw) == 0 && found_pw != NULL) {
        (void)kms_text_copy(user, NAME_SIZE, pw.pw_name);
    } else {
        (void)kms_text_format(user, NAME_SIZE, "%u", (unsigned)geteuid());
    }
    if (getgrgid_r(getegid(), &gr, buf, sizeof buf, &found_gr) == 0 && found_gr != NULL) {
        (void)kms_text_copy(group, NAME_SIZE, gr.gr_name);
    } else {
        (void)kms_text_format(group, NAME_SIZE, "%u", (unsigned)getegid());
    }
}

/* What to put into the master's configuration so that this process may use its socket. Its owner is
 * not root: Net-SNMP does not believe that there is a user with the number 0. */
static void advise_permission(const struct kms_agentx *agentx)
{
    char user[NAME_SIZE] = "kmsmon", group[NAME_SIZE] = "kmsmon";
    if (geteuid() != 0) {
        name_owner(user, group);
    }
    kms_log_write(agentx->log, KMS_LOG_WARNING,
                  "agentx %s: put these lines into snmpd.conf and restart snmpd:", agentx->socket);
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    master agentx");
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    agentXSocket %s", agentx->socket);
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    agentXPerms 0660 0755 %s %s", user, group);
}

/* One message for each reason, not for each attempt. */
static void on_tried(void *arg, int error)
{
    struct kms_agentx *agentx = arg;
    if (error == agentx->tried) {
        return;
    }
    agentx->tried = error;
    if (error == 0) {
        return;
    }
    char reason[128];
    const char *text = strerror_r(error, reason, sizeof reason);
    if (error == EAGAIN) {
        text = "it does not accept connections";
    }
    kms_log_write(agentx->log, KMS_LOG_WARNING,
                  "agentx %s: no master agent: %s; trying again every %lld s", agentx->socket, text,
                  (long long)agentx->ping_s);
    if (error == EACCES || error == EPERM) {
        advise_permission(agentx);
    } else if (error == ENOENT || error == ECONNREFUSED) {
        kms_log_write(agentx->log, KMS_LOG_INFO,
                      "agentx %s: is snmpd running, with 'master agentx' and 'agentXSocket %s' in "
                      "snmpd.conf?",
                      agentx->socket, agentx->socket);
    }
}

static void look(void *arg)
{
    struct kms_agentx *agentx = arg;
    if (kms_agentx_unix_follow()) {
        kms_log_write(agentx->log, KMS_LOG_WARNING,
                      "agentx %s: another master agent has taken the socket's place",
                      agentx->socket);
    }
    if (agentx->session != NULL) {
        kms_agentx_tables_again(agentx->tables, agentx->session);
    }
    kms_timer_set_real(agentx->look, agentx->ping_s * 1000);
}

/* All go through the transport that does not wait for the other side. */
static void transport_address(const char *configured, char *dst, size_t size)
{
    const char *place = kms_text_starts(configured, "unix:") ? configured + strlen("unix:")
                                                             : configured;
    (void)kms_text_format(dst, size, "%s:%s", KMS_AGENTX_UNIX_PREFIX, place);
}

/* init_agent() puts its own 15 seconds over whatever was set before. */
static bool prepare_subagent(struct kms_agentx *agentx)
{
    char address[SOCKET_MAX + sizeof KMS_AGENTX_UNIX_PREFIX + 1];
    transport_address(agentx->socket, address, sizeof address);
    (void)netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, address);
    if (init_agent(KMS_SNMP_PROGRAM) != 0) {
        return false;
    }
    (void)netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL,
                             (int)agentx->ping_s);
    return snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_connect,
                                  agentx) == SNMPERR_SUCCESS &&
           snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP,
                                  on_disconnect, agentx) == SNMPERR_SUCCESS &&
           kms_agentx_unix_register(on_tried, agentx);
}

static void leave_subagent(struct kms_agentx *agentx)
{
    kms_agentx_tables_free(agentx->tables);
    agentx->tables = NULL;
    (void)snmp_unregister_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START,
                                   on_connect, agentx, 1);
    (void)snmp_unregister_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP,
                                   on_disconnect, agentx, 1);
    kms_agentx_unix_forget();
}

static bool not_started(const struct kms_agentx *agentx)
{
    kms_log_write(agentx->log, KMS_LOG_ERROR, "agentx %s: Net-SNMP could not be started: '%s'",
                  agentx->socket, kms_snmp_library_said(agentx->library));
    return false;
}

static bool start_subagent(struct kms_agentx *agentx, struct kms_loop *loop)
{
    agentx->look = kms_timer_new(loop, look, agentx);
    agentx->tables = kms_agentx_tables_new(loop, agentx->library, on_tables, agentx);
    if (agentx->look == NULL || agentx->tables == NULL) {
        return false;
    }
    if (!prepare_subagent(agentx) || !kms_mib_register(agentx->mib)) {
        return not_started(agentx);
    }
    kms_snmp_library_init();
    if (!agentx->connected && agentx->tried == 0) {
        kms_log_write(agentx->log, KMS_LOG_WARNING,
                      "agentx %s: no answer from the master agent, trying again every %lld s",
                      agentx->socket, (long long)agentx->ping_s);
    }
    kms_timer_set_real(agentx->look, agentx->ping_s * 1000);
    return true;
}

static bool refuse_master(const struct kms_agentx *agentx, const struct kms_fault *fault)
{
    kms_log_write(agentx->log, KMS_LOG_ERROR, "standalone: %s", fault->text);
    return false;
}

static bool start_master(struct kms_agentx *agentx, const struct kms_site_snmp *snmp,
                         const char *state_dir)
{
    struct kms_fault fault = {0};
    if (init_agent(KMS_SNMP_PROGRAM) != 0) {
        return not_started(agentx);
    }
    if (kms_snmp_master_prepare(state_dir, &fault) != KMS_OK) {
        return refuse_master(agentx, &fault);
    }
    if (!kms_mib_register(agentx->mib)) {
        return not_started(agentx);
    }
    kms_snmp_library_init();
    if (kms_snmp_master_open(snmp, &fault) != KMS_OK) {
        return refuse_master(agentx, &fault);
    }
    for (size_t i = 0; i < snmp->listen.count; i++) {
        kms_log_write(agentx->log, KMS_LOG_INFO, "standalone: answering at %s",
                      snmp->listen.text[i]);
    }
    return true;
}

struct kms_agentx *kms_agentx_start(struct kms_loop *loop, struct kms_mib *mib,
                                    const struct kms_agentx_config *config,
                                    const struct kms_log *log)
{
    struct kms_agentx *agentx = calloc(1, sizeof *agentx);
    if (agentx == NULL) {
        return NULL;
    }
    agentx->mib = mib;
    agentx->log = log;
    agentx->ping_s = config->ping_s > 0 ? config->ping_s : 3;
    agentx->master = config->standalone != NULL;
    (void)kms_text_copy(agentx->socket, sizeof agentx->socket,
                        config->socket != NULL ? config->socket : NETSNMP_AGENTX_SOCKET);
    char label[SOCKET_MAX + sizeof "agentx "] = "standalone";
    if (!agentx->master) {
        (void)kms_text_format(label, sizeof label, "agentx %s", agentx->socket);
    }
    agentx->library = kms_snmp_library_open(label, !agentx->master, log);
    if (agentx->library == NULL) {
        free(agentx);
        return NULL;
    }
    bool ready = config->standalone != NULL
                     ? start_master(agentx, config->standalone, config->state_dir)
                     : start_subagent(agentx, loop);
    if (!ready || !kms_snmp_library_serve(agentx->library, loop)) {
        kms_agentx_stop(agentx);
        return NULL;
    }
    return agentx;
}

bool kms_agentx_alone(const struct kms_agentx *agentx)
{
    return agentx->master;
}

struct snmp_session *kms_agentx_session(const struct kms_agentx *agentx)
{
    return agentx->session;
}

void kms_agentx_watch(struct kms_agentx *agentx, void (*changed)(void *arg), void *arg)
{
    agentx->changed = changed;
    agentx->arg = arg;
}

void kms_agentx_stop(struct kms_agentx *agentx)
{
    if (agentx == NULL) {
        return;
    }
    kms_timer_free(agentx->look);
    /* The session first: a master that is told goodbye needs no goodbye for every table. */
    kms_snmp_library_leave(agentx->library);
    if (agentx->master) {
        kms_snmp_master_close();
    } else {
        leave_subagent(agentx);
    }
    snmp_shutdown(KMS_SNMP_PROGRAM);
    kms_mib_unregister(agentx->mib);
    shutdown_agent();
    kms_snmp_library_close(agentx->library);
    free(agentx);
}

struct kms_agentx_view kms_agentx_view(const struct kms_agentx *agentx)
{
    const char *why = agentx->tried == 0 ? "no answer" : strerrordesc_np(agentx->tried);
    struct kms_agentx_refusal refusal = {0};
    if (agentx->tables != NULL) {
        refusal = kms_agentx_tables_refusal(agentx->tables);
    }
    return (struct kms_agentx_view){.standalone = agentx->master,
                                    .connected = agentx->connected,
                                    .refusal = refusal,
                                    .socket = agentx->socket,
                                    .why = why != NULL ? why : "no answer"};
}
