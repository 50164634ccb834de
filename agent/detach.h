/* Going to the background, in two steps: the caller of the program learns whether the start
 * succeeded. */
#ifndef KMS_AGENT_DETACH_H
#define KMS_AGENT_DETACH_H

#include <stdbool.h>

/* Returns in a child process of its own session; the parent waits for kms_detach_ready and exits
 * with 0, or with the child's exit code when the child ends before. Before any thread or event loop
 * exists. False: errno says why. */
bool kms_detach_begin(int *ret_ready);
/* Lets the parent go and gives up the terminal and the working folder. */
void kms_detach_ready(int ready);

#endif
