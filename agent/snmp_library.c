/* Net-SNMP as a guest on the project's loop: what it needs whether it is a subagent or an agent of
 * its own. */
#include "agent/snmp_library.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "base/text.h"

#define LABEL_MAX       300
#define SESSION_WAIT_US 300000 /* of the few requests that Net-SNMP waits for without the loop */

struct kms_snmp_library {
    const struct kms_log *log;
    bool subagent;
    char label[LABEL_MAX];
    struct kms_guest *guest;
    netsnmp_large_fd_set fds;
    char said[256]; /* by Net-SNMP, at last */
    long refusal;   /* error of the last one that was logged */
};

/* Whoever can reach a port of our own can make the library complain; that must not fill the log. */
static enum kms_log_level level_of(const struct kms_snmp_library *library, int priority)
{
    if (!library->subagent && library->guest != NULL) {
        return KMS_LOG_DEBUG;
    }
    return priority <= LOG_ERR ? KMS_LOG_WARNING : KMS_LOG_DEBUG;
}

/* The only trace that Net-SNMP leaves of a refused registration. */
static bool take_refusal(struct kms_snmp_library *library, const char *text)
{
    static const char before[] = "registering pdu failed: ";
    uint64_t error;
    if (!kms_text_starts(text, before)) {
        return false;
    }
    const char *number = text + strlen(before);
    if (!kms_text_u64_len(number, strcspn(number, "!"), &error) || error > INT_MAX) {
        return false;
    }
    library->refusal = (long)error;
    return true;
}

/* What the roles notice has messages of its own; what else the library says is shown once when it
 * is an error. */
static int on_library_log(int major, int minor, void *message, void *arg)
{
    (void)major;
    (void)minor;
    struct kms_snmp_library *library = arg;
    const struct snmp_log_message *said = message;
    char text[sizeof library->said];
    kms_text_clean(text, sizeof text, said->msg, strcspn(said->msg, "\r\n"));
    enum kms_log_level level = level_of(library, said->priority);
    if (take_refusal(library, text) || kms_text_equal(text, library->said)) {
        level = KMS_LOG_DEBUG;
    }
    (void)kms_text_copy(library->said, sizeof library->said, text);
    kms_log_write(library->log, level, "%s: Net-SNMP: %s", library->label, text);
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

static int64_t prepare(void *arg, struct kms_guest_turn *turn)
{
    struct kms_snmp_library *library = arg;
    NETSNMP_LARGE_FD_ZERO(&library->fds);
    int count = 0, block = 1;
    struct timeval wait = {0};
    (void)snmp_select_info2(&count, &library->fds, &wait, &block);
    for (int fd = 0; fd < count; fd++) {
        if (NETSNMP_LARGE_FD_ISSET(fd, &library->fds)) {
            kms_guest_add(turn, fd);
        }
    }
    return block ? -1 : (int64_t)wait.tv_sec * 1000000 + (int64_t)wait.tv_usec;
}

static void take_turn(void *arg, const int *ready_fds, size_t ready_count)
{
    struct kms_snmp_library *library = arg;
    if (ready_count > 0) {
        NETSNMP_LARGE_FD_ZERO(&library->fds);
        for (size_t i = 0; i < ready_count; i++) {
            NETSNMP_LARGE_FD_SET(ready_fds[i], &library->fds);
        }
        snmp_read2(&library->fds);
    }
    snmp_timeout();
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
}

static void configure(bool subagent)
{
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, subagent);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS,
                                 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_ALARM_DONT_USE_SIG, 1);
    (void)netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, "");
}

static bool hear(struct kms_snmp_library *library)
{
    snmp_disable_log();
    if (netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_DEBUG) == NULL) {
        return false;
    }
    snmp_enable_calllog();
    return snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_library_log,
                                  library) == SNMPERR_SUCCESS &&
           snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT, on_session,
                                  library) == SNMPERR_SUCCESS;
}

struct kms_snmp_library *kms_snmp_library_open(const char *label, bool subagent,
                                               const struct kms_log *log)
{
    struct kms_snmp_library *library = calloc(1, sizeof *library);
    if (library == NULL) {
        return NULL;
    }
    library->log = log;
    library->subagent = subagent;
    (void)kms_text_copy(library->label, sizeof library->label, label);
    netsnmp_large_fd_set_init(&library->fds, FD_SETSIZE);
    configure(subagent);
    if (!hear(library)) {
        kms_snmp_library_leave(library);
        kms_snmp_library_close(library);
        return NULL;
    }
    return library;
}

/* Net-SNMP loads the MIB files it was built to know while it starts, and Debian has none of them:
 * hundreds of messages for nothing. An empty list in the environment is its only switch. */
void kms_snmp_library_init(void)
{
    char *before = kms_text_dup(getenv("MIBS"));
    (void)setenv("MIBS", "", 1);
    init_snmp(KMS_SNMP_PROGRAM);
    if (before != NULL) {
        (void)setenv("MIBS", before, 1);
    } else {
        (void)unsetenv("MIBS");
    }
    free(before);
}

bool kms_snmp_library_serve(struct kms_snmp_library *library, struct kms_loop *loop)
{
    library->guest = kms_guest_new(loop, prepare, take_turn, library);
    return library->guest != NULL;
}

const char *kms_snmp_library_said(const struct kms_snmp_library *library)
{
    return library->said;
}

long kms_snmp_library_take_refusal(struct kms_snmp_library *library)
{
    long error = library->refusal;
    library->refusal = 0;
    return error;
}

/* Before the shutdown, which frees what callbacks were given. */
void kms_snmp_library_leave(struct kms_snmp_library *library)
{
    kms_guest_free(library->guest);
    library->guest = NULL;
    (void)snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT, on_session,
                                   library, 1);
    (void)snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_library_log,
                                   library, 1);
}

void kms_snmp_library_close(struct kms_snmp_library *library)
{
    if (library == NULL) {
        return;
    }
    snmp_disable_log();
    netsnmp_large_fd_set_cleanup(&library->fds);
    free(library);
}
