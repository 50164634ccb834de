/* Makes the file of the control socket and removes it. */
#include "agent/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define BACKLOG     128
#define FOLDER_MODE 0755

static enum kms_status refuse(const char *path, const char *what, int error,
                              struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_EIO, 0, "control socket '%.107s': %s: %s", path, what,
                         strerrordesc_np(error));
}

static bool address_of(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    return kms_text_copy(ret->sun_path, sizeof ret->sun_path, path);
}

/* The folder of path is there, made when it is missing. */
static enum kms_status make_folder(const char *path, struct kms_fault *fault)
{
    char folder[KMS_CONTROL_PATH_SIZE];
    kms_text_copy(folder, sizeof folder, path);
    char *slash = strrchr(folder, '/');
    if (!slash) {
        return KMS_OK;
    }
    slash[slash == folder ? 1 : 0] = '\0';
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST ? KMS_OK : refuse(path, "its folder cannot be made", errno, fault);
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool opened = fd >= 0 && fchmod(fd, FOLDER_MODE) == 0;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return opened ? KMS_OK : refuse(path, "its folder cannot be opened to others", error, fault);
}

/* ---- one at a time ---- */

/* A file that is for its owner: others could lock the folder, and keep the socket from being made
 * for as long as they like. */
struct lock {
    char path[KMS_CONTROL_PATH_SIZE + 8];
    int fd; /* -1: none */
};

/* Against another that starts at the same time. Without a lock it goes on: where none can be had, a
 * socket cannot either, which is told then. */
static enum kms_status take_lock(const char *path, struct lock *ret, struct kms_fault *fault)
{
    struct lock lock;
    struct stat st;
    kms_text_format(lock.path, sizeof lock.path, "%s.lock", path);
    lock.fd = open(lock.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (lock.fd >= 0 &&
        (flock(lock.fd, LOCK_EX | LOCK_NB) != 0 || fstat(lock.fd, &st) != 0 || st.st_nlink == 0)) {
        (void)close(lock.fd);
        return kms_fault_set(fault, KMS_EBUSY, 0,
                             "control socket '%.107s': another program makes it at this moment",
                             path);
    }
    *ret = lock;
    return KMS_OK;
}

static void release_lock(const struct lock *lock)
{
    if (lock->fd >= 0) {
        (void)unlink(lock->path);
        (void)close(lock->fd);
    }
}

/* ---- the place ---- */

/* Whether somebody listens there: then its process, 0 where that is not told. */
static bool is_alive(const struct sockaddr_un *address, pid_t *ret_pid)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true; /* nothing is removed that may be in use */
    }
    bool alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    int error = errno;
    struct ucred cred = {0};
    socklen_t size = sizeof cred;
    if (alive) {
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size);
    }
    (void)close(fd);
    *ret_pid = cred.pid;
    return alive || error != ECONNREFUSED;
}

static void name_process(pid_t pid, char *dst, size_t size)
{
    char path[64], name[64] = "";
    kms_text_format(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t len = fd >= 0 ? read(fd, name, sizeof name - 1) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    name[len > 0 ? (size_t)len - 1 : 0] = '\0'; /* without its line end */
    if (pid <= 0) {
        kms_text_copy(dst, size, "another process");
        return;
    }
    char clean[64];
    kms_text_clean(clean, sizeof clean, name, strlen(name));
    kms_text_format(dst, size, "process %d%s%s%s", (int)pid, clean[0] ? " (" : "", clean,
                    clean[0] ? ")" : "");
}

/* What a dead process left goes; anything else stays and is an error. */
static enum kms_status clear_place(const char *path, const struct sockaddr_un *address,
                                   struct kms_fault *fault)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? KMS_OK : refuse(path, "it cannot be looked at", errno, fault);
    }
    if (S_ISDIR(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "control socket '%.100s' is a folder; name a socket in it with socket "
                             "in the block control",
                             path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "control socket '%.107s': something else has this name; remove it, or "
                             "set socket in the block control",
                             path);
    }
    pid_t pid = 0;
    if (is_alive(address, &pid)) {
        char who[100];
        name_process(pid, who, sizeof who);
        return kms_fault_set(fault, KMS_EBUSY, 0, "control socket '%.107s' is in use by %s", path,
                             who);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return refuse(path, "what a dead process left cannot be removed", errno, fault);
    }
    return KMS_OK;
}

/* The kernel makes the file with the mode of the unbound socket, less the umask: it is never wider
 * than it shall be. Nobody can connect before listen. In a folder where others may put a link in
 * its place, what the link names keeps its mode. */
static enum kms_status make(const char *path, const struct sockaddr_un *address, mode_t mode,
                            struct kms_control_socket *ret, struct kms_fault *fault)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return refuse(path, "no socket", errno, fault);
    }
    struct stat st;
    bool bound = fchmod(fd, mode) == 0 &&
                 bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (!bound || fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) != 0 ||
        lstat(path, &st) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        if (bound) {
            (void)unlink(path);
        }
        (void)close(fd);
        return refuse(path, "it cannot be made", error, fault);
    }
    *ret = (struct kms_control_socket){.fd = fd, .device = st.st_dev, .inode = st.st_ino};
    kms_text_copy(ret->path, sizeof ret->path, path);
    return KMS_OK;
}

enum kms_status kms_control_socket_open(const char *path, mode_t mode,
                                        struct kms_control_socket *ret, struct kms_fault *fault)
{
    struct sockaddr_un address;
    if (!address_of(path, &address)) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0,
                             "control socket '%.100s...': allowed: at most %zu characters", path,
                             sizeof address.sun_path - 1);
    }
    struct lock lock = {.fd = -1};
    enum kms_status status = make_folder(path, fault);
    if (status == KMS_OK) {
        status = take_lock(path, &lock, fault);
    }
    if (status == KMS_OK) {
        status = clear_place(path, &address, fault);
    }
    if (status == KMS_OK) {
        status = make(path, &address, mode, ret, fault);
    }
    release_lock(&lock);
    return status;
}

void kms_control_socket_remove(struct kms_control_socket *socket)
{
    struct stat st;
    if (socket->path[0] != '\0' && lstat(socket->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        st.st_dev == socket->device && st.st_ino == socket->inode) {
        (void)unlink(socket->path);
    }
    socket->path[0] = '\0';
}
