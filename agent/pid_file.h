/* The file that tells others the number of the process. */
#ifndef KMS_AGENT_PID_FILE_H
#define KMS_AGENT_PID_FILE_H

#include "base/status.h"

/* Writes the file, and returns its absolute name on the heap, since the working folder is given up
 * later. NULL: the fault says why. */
char *kms_pid_file_write(const char *path, struct kms_fault *fault);
/* Removes the file and frees its name. NULL is fine. */
void kms_pid_file_remove(char *path);

#endif
