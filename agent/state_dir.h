/* The folder that keeps what must survive a restart: there, writable, and used by one agent at a
 * time. */
#ifndef KMS_AGENT_STATE_DIR_H
#define KMS_AGENT_STATE_DIR_H

#include <stddef.h>

#include "base/status.h"

/* Makes the folder when only its last part is missing, and locks it. ret_lock is a descriptor:
 * closing it gives the folder back; a child process may inherit it. On failure the fault says what
 * to do. */
enum kms_status kms_state_dir_open(const char *path, int *ret_lock, struct kms_fault *fault);

/* The next step where a file of the folder may not be used: what the user of this process has it
 * given to him with. */
void kms_state_dir_advice(char *dst, size_t size, const char *path);

#endif
