/* Opens and locks the state folder. */
#include "agent/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

#define FILE_MODE     0640
#define PATH_SIZE_MAX ((size_t)16 << 10)
#define ADVICE        "create it for the user that runs kmsmond, or set state-dir"

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

void kms_state_dir_advice(char *dst, size_t size, const char *path)
{
    kms_text_format(dst, size, "give it to the user that runs kmsmond: chown -R %ld %s",
                    (long)geteuid(), path);
}

/* -1: errno says why. */
static int open_lock(const char *folder)
{
    struct kms_buf path;
    kms_buf_init(&path, PATH_SIZE_MAX);
    if (kms_buf_addf(&path, "%s/lock", folder) != KMS_OK) {
        kms_buf_done(&path);
        errno = ENOMEM;
        return -1;
    }
    const char *name = kms_buf_str(&path);
    int lock = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (lock >= 0) {
        kms_file_hand_over(lock, name);
    } else if (errno == EEXIST) {
        lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    }
    int error = errno;
    kms_buf_done(&path);
    errno = error;
    return lock;
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
    int lock = open_lock(path);
    if (lock < 0) {
        return refuse(path, errno, fault);
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
