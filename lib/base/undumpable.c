/* Takes a process's memory out of the reach of core files and debuggers. */
#include "base/undumpable.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum kms_status kms_undumpable(struct kms_fault *fault)
{
    const struct rlimit none = {0, 0};
    /* The limit too: with a pipe in core_pattern it counts only together with the flag. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "core files cannot be switched off (%s)",
                             strerror(errno));
    }
    return KMS_OK;
}
