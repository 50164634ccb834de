/* Keeps what a process holds in memory, passwords and keys, out of core files and debuggers. */
#ifndef KMS_BASE_UNDUMPABLE_H
#define KMS_BASE_UNDUMPABLE_H

#include "base/status.h"

/* No core file is written any more, and no process of the same user may look into this one (its
 * /proc belongs to root). Children that are executed anew have only the limit. Once at start, after
 * the user was changed: that makes a process dumpable or not by itself. LeakSanitizer lifts it for
 * the moment of its search, so builds with sanitizers need no exception. */
enum kms_status kms_undumpable(struct kms_fault *fault);

#endif
