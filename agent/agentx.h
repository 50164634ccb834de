/* The tables' way out: an AgentX subagent that is kept connected to its master, or an agent of its
 * own. */
#ifndef KMS_AGENT_AGENTX_H
#define KMS_AGENT_AGENTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"

struct kms_mib;
struct kms_site_snmp;

struct kms_agentx_config {
    const char
        *socket; /* "unix:/run/agentx/master", "tcp:127.0.0.1:705"; NULL: Net-SNMP's default */
    int64_t
        ping_s; /* how often the master is asked for a sign of life, and sought when it is gone */
    /* Not NULL: no subagent, but a master of its own that listens there. Secrets are read while
     * starting and wiped. state_dir keeps the engine's id and its count of boots (RFC 3414). */
    const struct kms_site_snmp *standalone;
    const char *state_dir;
};

struct kms_agentx;

/* Registers the MIB's tables and starts to look for the master; a master that is not there yet is
 * no failure. Standalone it answers by itself when it returns, and an address that cannot be had is
 * a failure. The strings of config are copied. loop, mib and log must live until kms_agentx_stop.
 * At most one at a time in a process, since Net-SNMP is global. NULL when memory ran out or
 * Net-SNMP refused, which is logged. */
struct kms_agentx *kms_agentx_start(struct kms_loop *loop, struct kms_mib *mib,
                                    const struct kms_agentx_config *config,
                                    const struct kms_log *log);
/* Whether it is a master of its own, so that there is no other. */
bool kms_agentx_alone(const struct kms_agentx *agentx);
/* The session with the master; NULL while there is none. Asked for anew whenever it is used. */
struct snmp_session; /* of Net-SNMP */
struct snmp_session *kms_agentx_session(const struct kms_agentx *agentx);
/* Tells one listener that a session began or ended, with which its requests went; from within
 * Net-SNMP, so nothing is to be sent from there. NULL: nobody any more. */
void kms_agentx_watch(struct kms_agentx *agentx, void (*changed)(void *arg), void *arg);
/* Closes the session and frees everything; before kms_mib_free and kms_loop_free. NULL is fine. */
void kms_agentx_stop(struct kms_agentx *agentx);

/* Tables that a master did not take. */
struct kms_agentx_refusal {
    size_t tables, of; /* how many, of how many; 0: it has all */
    long error;        /* the last one's, RFC 2741 section 6.2.16 */
    bool other_has_it; /* which says that another agent has it */
};

/* How it stands with the master, for people. The texts are valid until the next turn of the loop.
 */
struct kms_agentx_view {
    bool standalone; /* there is none */
    bool connected;
    struct kms_agentx_refusal refusal; /* by that master, which is asked again */
    const char *socket;
    const char *why; /* it is not connected: what the last attempt met */
};
struct kms_agentx_view kms_agentx_view(const struct kms_agentx *agentx);

#endif
