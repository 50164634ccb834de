/* The numbers of the MIB's rows, between the index that gives them and the keeper that remembers
 * them. */
#ifndef KMS_AGENT_NUMBERS_H
#define KMS_AGENT_NUMBERS_H

#include "agent/keeper.h"
#include "base/log.h"
#include "base/status.h"
#include "store/index.h"

struct kms_numbers;

/* Reads what the keeper has, and takes the file of an earlier release over: PATH, which is renamed
 * to PATH.taken-over once its numbers are on the disk. KMS_ESYNTAX: that file cannot be read;
 * nothing else stops it but KMS_ENOMEM and a file that cannot be opened. For the start of the
 * program. */
enum kms_status kms_numbers_open(struct kms_keeper *keeper, const char *path,
                                 const struct kms_log *log, struct kms_numbers **ret,
                                 struct kms_fault *fault);
/* Before the keeper is closed. NULL is fine. */
void kms_numbers_close(struct kms_numbers *numbers);

struct kms_index *kms_numbers_index(struct kms_numbers *numbers);
/* Puts the new ones. */
void kms_numbers_save(struct kms_numbers *numbers);
/* Puts all of them, for a store that is new. */
void kms_numbers_save_all(struct kms_numbers *numbers);

#endif
