/* How many files and sockets the process may hold open. */
#ifndef KMS_AGENT_FILE_LIMIT_H
#define KMS_AGENT_FILE_LIMIT_H

#include <stddef.h>

/* Raises the limit as far as the system lets everybody, to 65536 at most, and returns it. */
size_t kms_file_limit_raise(void);
/* How many probes may hold sockets at the same time under that limit, when the rest of the program
 * shall not run short: at least one. */
size_t kms_file_limit_probes(size_t limit);

#endif
