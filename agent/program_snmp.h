/* Whom the daemon tells: the alarms, the MIB's tables, the way to the master, notifications. */
#ifndef KMS_AGENT_PROGRAM_SNMP_H
#define KMS_AGENT_PROGRAM_SNMP_H

#include "agent/program_parts.h"

/* With all hosts on the board: what an earlier process raised for others is cleared. Opens ports,
 * and is the last that needs privileges for it: they are given up. False: the log says why. */
bool kms_program_open_snmp(struct kms_program *program);

/* No notification is handed over any more; ready is called once when none is at the master, from
 * inside or later. */
void kms_program_leave_snmp(struct kms_program *program, void (*ready)(void *arg), void *arg);

/* Before the board and the domains go. */
void kms_program_close_snmp(struct kms_program *program);

#endif
