/* Net-SNMP as a guest on the project's loop: what it needs whether it is a subagent or an agent of
 * its own. */
#ifndef KMS_AGENT_SNMP_LIBRARY_H
#define KMS_AGENT_SNMP_LIBRARY_H

#include <stdbool.h>

#include "base/log.h"
#include "base/loop.h"

#define KMS_SNMP_PROGRAM "kmsmond" /* what Net-SNMP calls its configuration after */

struct kms_snmp_library;

/* Before anything else of Net-SNMP: it reads no file, writes none, starts no timer of signals, and
 * what it says goes to log, after label ("agentx unix:/run/agentx/master"). label is copied. One at
 * a time in a process, since Net-SNMP is global. NULL when memory ran out. */
struct kms_snmp_library *kms_snmp_library_open(const char *label, bool subagent,
                                               const struct kms_log *log);
/* After init_agent and what the role prepares: lets Net-SNMP start. */
void kms_snmp_library_init(void);
/* From here on the loop serves it. False when memory ran out. */
bool kms_snmp_library_serve(struct kms_snmp_library *library, struct kms_loop *loop);
/* What it said last, "" for nothing; cleaned. */
const char *kms_snmp_library_said(const struct kms_snmp_library *library);
/* The error with which a master agent refused a table since this was last asked, 0: it did not. */
long kms_snmp_library_take_refusal(struct kms_snmp_library *library);
/* No loop and no log for it any more; then the caller shuts Net-SNMP down. */
void kms_snmp_library_leave(struct kms_snmp_library *library);
/* After the shutdown. NULL is fine. */
void kms_snmp_library_close(struct kms_snmp_library *library);

#endif
