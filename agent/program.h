/* The daemon without its signals: the order in which its parts are opened, and taken apart again.
 */
#ifndef KMS_AGENT_PROGRAM_H
#define KMS_AGENT_PROGRAM_H

#include "agent/program_parts.h"

/* In this order, with options, site, simulation and log in place and the state folder locked
 * (agent/program_store.h). False: the log says why; both are closed all the same. */
bool kms_program_open_loop(struct kms_program *program);
bool kms_program_open(struct kms_program *program);

/* Everything but the loop, which may turn a little longer for what is being written. */
void kms_program_close(struct kms_program *program);
/* When nothing is on it any more. */
void kms_program_close_loop(struct kms_program *program);

#endif
