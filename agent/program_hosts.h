/* Whom the daemon asks: the hosts on the board, the resolver, the probes in their turns, the
 * domains. */
#ifndef KMS_AGENT_PROGRAM_HOSTS_H
#define KMS_AGENT_PROGRAM_HOSTS_H

#include "agent/program_parts.h"

/* Asks nothing before the loop turns. False: the log says why. */
bool kms_program_open_hosts(struct kms_program *program);

/* Nobody is asked any more; what was told stays on the board. */
void kms_program_stop_hosts(struct kms_program *program);
/* When nobody looks at the board any more. */
void kms_program_close_hosts(struct kms_program *program);

#endif
