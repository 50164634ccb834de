/* Which tables the master agent took from this subagent, and asking again for those it refused. */
#ifndef KMS_AGENT_AGENTX_TABLES_H
#define KMS_AGENT_AGENTX_TABLES_H

#include "agent/agentx.h"
#include "agent/snmp_library.h"
#include "base/loop.h"

struct kms_agentx_tables;
struct snmp_session; /* of Net-SNMP */

/* Before the first session. The call back comes on the loop when something was refused, and when
 * all that was is taken. At most one at a time in a process. NULL when memory ran out. */
struct kms_agentx_tables *kms_agentx_tables_new(struct kms_loop *loop,
                                                struct kms_snmp_library *library,
                                                void (*changed)(void *arg), void *arg);
/* Before Net-SNMP's shutdown, which would free what its call backs were given. NULL is fine. */
void kms_agentx_tables_free(struct kms_agentx_tables *tables);

/* A session begins, before Net-SNMP asks for the tables, or it ended. */
void kms_agentx_tables_begin(struct kms_agentx_tables *tables);
/* Asks for one of those that were refused, and for the others once that is taken: the master writes
 * a line for each that it refuses. Waits for nothing. */
void kms_agentx_tables_again(struct kms_agentx_tables *tables, struct snmp_session *session);

struct kms_agentx_refusal kms_agentx_tables_refusal(const struct kms_agentx_tables *tables);

#endif
