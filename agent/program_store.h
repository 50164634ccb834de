/* What of the daemon outlives its process: the state folder, the keeper with the numbers of rows,
 * what hosts told. */
#ifndef KMS_AGENT_PROGRAM_STORE_H
#define KMS_AGENT_PROGRAM_STORE_H

#include "agent/program_parts.h"

/* Each of those that open something logs why it is false. Locks the state folder, which is made
 * when it is not there: it belongs to one process at a time. */
bool kms_program_lock_state(struct kms_program *program);
/* The keeper and the numbers, before anything has a number. */
bool kms_program_open_store(struct kms_program *program);
/* What was known before, when all hosts are on the board that DNS and the configuration name. */
bool kms_program_open_memories(struct kms_program *program);

/* Stable numbers of names, however their letters are written; 0: out of memory. arg is a struct
 * kms_program. */
uint32_t kms_program_number_of_name(void *arg, const char *space, const char *name);
uint32_t kms_program_number_of_host(void *arg, const char *name);
uint32_t kms_program_number_of_key(void *arg, const char *host, const char *identity);
/* Those that are new are kept. */
void kms_program_save_numbers(void *arg);

/* When nobody puts anything any more. */
void kms_program_close_store(struct kms_program *program);
void kms_program_unlock_state(struct kms_program *program);

#endif
