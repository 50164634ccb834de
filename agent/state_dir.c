/* Opens and locks the state folder. */
#include "agent/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define ADVICE "create it for the user that runs kmsmond, or set state-dir"

static enum kms_status refuse(const char *path, int error, struct kms_fault *fault)
{
    if (error == EACCES || error == EPERM) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state-dir '%.80s' cannot be used (%s); give it to the user that runs "
                             "kmsmond: chown -R %ld, or set state-dir",
                             path, strerrordesc_np(error), (long)geteuid());
    }
    return kms_fault_set(fault, KMS_EIO, 0, "state-dir '%.100s' cannot be used (%s); " ADVICE, path,
                         strerrordesc_np(error));
}

enum kms_status kms_state_dir_open(const char *path, int *ret_lock, struct kms_fault *fault)
{
    struct stat st;
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        return refuse(path, errno, fault);
    }
    if (stat(path, &st) != 0) {
        return refuse(path, errno, fault);
    }
    if (!S_ISDIR(st.st_mode)) {
        return refuse(path, ENOTDIR, fault);
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        return refuse(path, errno, fault);
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return refuse(path, errno, fault);
    }
    int lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    int error = errno;
    (void)close(folder);
    if (lock < 0) {
        return refuse(path, error, fault);
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void)close(lock);
        return kms_fault_set(fault, KMS_EBUSY, 0,
                             "state-dir '%.100s' is in use by another kmsmond; stop that one, or "
                             "give this one a state-dir of its own",
                             path);
    }
    *ret_lock = lock;
    return KMS_OK;
}
