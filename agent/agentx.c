/* The AgentX subagent: Net-SNMP as a guest on the project's loop, connected to the master agent and
 * kept connected. */
#include "agent/agentx.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>

#include "agent/agentx_unix.h"
#include "agent/mib_table.h"

#define SOCKET_MAX      256
#define SESSION_WAIT_US 300000 /* of the few requests that Net-SNMP waits for without the loop */
#define PROGRAM         "kmsmond"

struct kms_agentx {
    struct kms_mib *mib;
    const struct kms_log *log;
    struct kms_guest *guest;
    struct kms_timer *look;  /* whether the master is still the one that is connected to */
    char socket[SOCKET_MAX]; /* as configured, for messages */
    int64_t ping_s;
    netsnmp_large_fd_set fds;
    bool connected;
    int tried;      /* errno of the last attempt to connect, 0: it was accepted */
    char said[256]; /* by Net-SNMP, at last */
};

static enum kms_log_level level_of(int priority)
{
    return priority <= LOG_ERR ? KMS_LOG_WARNING : KMS_LOG_DEBUG;
}

/* Connecting and disconnecting has messages of its own; what else the library says is shown once
 * when it is an error. */
static int on_library_log(int major, int minor, void *message, void *arg)
{
    (void)major;
    (void)minor;
    struct kms_agentx *agentx = arg;
    const struct snmp_log_message *said = message;
    char text[sizeof agentx->said];
    kms_text_clean(text, sizeof text, said->msg, strcspn(said->msg, "\r\n"));
    enum kms_log_level level = level_of(said->priority);
    if (kms_text_equal(text, agentx->said)) {
        level = KMS_LOG_DEBUG;
    }
    (void)kms_text_copy(agentx->said, sizeof agentx->said, text);
    kms_log_write(agentx->log, level, "agentx %s: Net-SNMP: %s", agentx->socket, text);
    return SNMPERR_SUCCESS;
}

static int on_connect(int major, int minor, void *session, void *arg)
{
    (void)major;
    (void)minor;
    (void)session;
    struct kms_agentx *agentx = arg;
    agentx->connected = true;
    kms_log_write(agentx->log, KMS_LOG_INFO, "agentx %s: connected to the master agent",
                  agentx->socket);
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
    agentx->tried = 0;
    return SNMPERR_SUCCESS;
}

/* Net-SNMP waits for answers to a few requests of its own: not for long. */
static int on_session(int major, int minor, void *session, void *arg)
{
    (void)major;
    (void)minor;
    (void)arg;
    netsnmp_session *made = session;
    made->timeout = SESSION_WAIT_US;
    made->retries = 0;
    return SNMPERR_SUCCESS;
}

/* What to put into the master's configuration so that this process may use its socket. */
static void advise_permission(const struct kms_agentx *agentx)
{
    long size = sysconf(_SC_GETGR_R_SIZE_MAX);
    size_t room = size > 0 ? (size_t)size : 4096;
    char *buf = malloc(room);
    struct group entry, *found = NULL;
    const char *group = "kmsmon";
    if (buf != NULL && getgid() != 0 && getgrgid_r(getgid(), &entry, buf, room, &found) == 0 &&
        found != NULL) {
        group = found->gr_name;
    }
    kms_log_write(agentx->log, KMS_LOG_WARNING,
                  "agentx %s: put these lines into snmpd.conf and restart snmpd:", agentx->socket);
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    master agentx");
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    agentXSocket %s", agentx->socket);
    kms_log_write(agentx->log, KMS_LOG_WARNING, "    agentXPerms 0660 0750 root %s", group);
    free(buf);
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
    kms_timer_set(agentx->look, agentx->ping_s * 1000);
}

static int64_t prepare(void *arg, struct kms_guest_turn *turn)
{
    struct kms_agentx *agentx = arg;
    NETSNMP_LARGE_FD_ZERO(&agentx->fds);
    int count = 0, block = 1;
    struct timeval wait = {0};
    (void)snmp_select_info2(&count, &agentx->fds, &wait, &block);
    for (int fd = 0; fd < count; fd++) {
        if (NETSNMP_LARGE_FD_ISSET(fd, &agentx->fds)) {
            kms_guest_add(turn, fd);
        }
    }
    return block ? -1 : (int64_t)wait.tv_sec * 1000000 + (int64_t)wait.tv_usec;
}

static void take_turn(void *arg, const int *ready_fds, size_t ready_count)
{
    struct kms_agentx *agentx = arg;
    if (ready_count > 0) {
        NETSNMP_LARGE_FD_ZERO(&agentx->fds);
        for (size_t i = 0; i < ready_count; i++) {
            NETSNMP_LARGE_FD_SET(ready_fds[i], &agentx->fds);
        }
        snmp_read2(&agentx->fds);
    }
    snmp_timeout();
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
}

/* Unix sockets go through the transport that does not wait; anything else is left to Net-SNMP. */
static void transport_address(const char *configured, char *dst, size_t size)
{
    const char *path = configured;
    if (kms_text_starts(configured, "unix:")) {
        path = configured + strlen("unix:");
    }
    if (path[0] == '/' || path != configured) {
        (void)kms_text_format(dst, size, "%s:%s", KMS_AGENTX_UNIX_PREFIX, path);
    } else {
        (void)kms_text_copy(dst, size, configured);
    }
}

static void configure(const struct kms_agentx *agentx)
{
    char address[SOCKET_MAX + sizeof KMS_AGENTX_UNIX_PREFIX + 1];
    transport_address(agentx->socket, address, sizeof address);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS,
                                 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_ALARM_DONT_USE_SIG, 1);
    (void)netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, "");
    (void)netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, address);
}

/* init_agent() puts its own 15 seconds over whatever was set before. */
static bool init_subagent(const struct kms_agentx *agentx)
{
    if (init_agent(PROGRAM) != 0) {
        return false;
    }
    (void)netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL,
                             (int)agentx->ping_s);
    return true;
}

static bool listen_in(struct kms_agentx *agentx)
{
    snmp_disable_log();
    if (netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_DEBUG) == NULL) {
        return false;
    }
    snmp_enable_calllog();
    return snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_library_log,
                                  agentx) == SNMPERR_SUCCESS &&
           snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT, on_session,
                                  agentx) == SNMPERR_SUCCESS &&
           snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_connect,
                                  agentx) == SNMPERR_SUCCESS &&
           snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP,
                                  on_disconnect, agentx) == SNMPERR_SUCCESS;
}

static void listen_no_more(struct kms_agentx *agentx)
{
    (void)snmp_unregister_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START,
                                   on_connect, agentx, 1);
    (void)snmp_unregister_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP,
                                   on_disconnect, agentx, 1);
    (void)snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT, on_session,
                                   agentx, 1);
    (void)snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_library_log,
                                   agentx, 1);
}

/* Net-SNMP loads the MIB files it was built to know while it starts, and Debian has none of them:
 * hundreds of messages for nothing. An empty list in the environment is its only switch. */
static void init_without_mibs(void)
{
    char *before = kms_text_dup(getenv("MIBS"));
    (void)setenv("MIBS", "", 1);
    init_snmp(PROGRAM);
    if (before != NULL) {
        (void)setenv("MIBS", before, 1);
    } else {
        (void)unsetenv("MIBS");
    }
    free(before);
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
    (void)kms_text_copy(agentx->socket, sizeof agentx->socket,
                        config->socket != NULL ? config->socket : NETSNMP_AGENTX_SOCKET);
    netsnmp_large_fd_set_init(&agentx->fds, FD_SETSIZE);

    configure(agentx);
    bool ok = listen_in(agentx) && init_subagent(agentx) &&
              kms_agentx_unix_register(on_tried, agentx) && kms_mib_register(mib);
    if (ok) {
        init_without_mibs();
        if (!agentx->connected && agentx->tried == 0) {
            kms_log_write(log, KMS_LOG_WARNING,
                          "agentx %s: no answer from the master agent, trying again every %lld s",
                          agentx->socket, (long long)agentx->ping_s);
        }
        agentx->guest = kms_guest_new(loop, prepare, take_turn, agentx);
        agentx->look = kms_timer_new(loop, look, agentx);
    } else {
        kms_log_write(log, KMS_LOG_ERROR, "agentx %s: Net-SNMP could not be started: '%s'",
                      agentx->socket, agentx->said);
    }
    if (agentx->guest == NULL || agentx->look == NULL) {
        kms_agentx_stop(agentx);
        return NULL;
    }
    kms_timer_set(agentx->look, agentx->ping_s * 1000);
    return agentx;
}

void kms_agentx_stop(struct kms_agentx *agentx)
{
    if (agentx == NULL) {
        return;
    }
    kms_timer_free(agentx->look);
    kms_guest_free(agentx->guest);
    /* The session first: a master that is told goodbye needs no goodbye for every table. */
    listen_no_more(agentx); /* before the shutdown, which frees what callbacks were given */
    kms_agentx_unix_forget();
    snmp_shutdown(PROGRAM);
    kms_mib_unregister(agentx->mib);
    shutdown_agent();
    snmp_disable_log();
    netsnmp_large_fd_set_cleanup(&agentx->fds);
    free(agentx);
}
