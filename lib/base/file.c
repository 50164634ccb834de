/* Whole files: read under a cap with proof that they stood still, and replaced by rename. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { READ_STEP = 65536, PATH_SIZE_MAX = 65536 };

bool kms_file_stamp_equal(const struct kms_file_stamp *a, const struct kms_file_stamp *b)
{
    return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->size == b->size &&
           a->device == b->device && a->inode == b->inode;
}

static int64_t to_ns(struct timespec ts)
{
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool stamp_fd(int fd, struct kms_file_stamp *ret_stamp, bool *ret_regular)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return false;
    }
    *ret_stamp = (struct kms_file_stamp){
        .mtime_ns = to_ns(st.st_mtim),
        .ctime_ns = to_ns(st.st_ctim),
        .size = (int64_t)st.st_size,
        .device = (uint64_t)st.st_dev,
        .inode = (uint64_t)st.st_ino,
    };
    *ret_regular = S_ISREG(st.st_mode);
    return true;
}

/* The caller's descriptor may be non-blocking; this function is one of those that may wait. */
static bool wait_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, -1) >= 0 || errno == EINTR;
}

static ssize_t read_some(int fd, char *place, size_t size)
{
    for (;;) {
        ssize_t got = read(fd, place, size);
        if (got >= 0) {
            return got;
        }
        if (errno == EINTR || (errno == EAGAIN && wait_readable(fd))) {
            continue;
        }
        return -1;
    }
}

/* Once the cap is reached one byte more tells "exactly full" from "too big". */
static enum kms_status read_to_end(int fd, struct kms_buf *buf)
{
    for (;;) {
        size_t left = buf->max - buf->len;
        char beyond;
        char *place = &beyond;
        size_t step = left < READ_STEP ? left : READ_STEP;
        if (left > 0) {
            enum kms_status status = kms_buf_room(buf, step, &place);
            if (status != KMS_OK) {
                return status;
            }
        }
        ssize_t got = read_some(fd, place, left > 0 ? step : 1);
        if (got < 0) {
            return KMS_EIO;
        }
        if (got == 0) {
            return KMS_OK;
        }
        if (left == 0) {
            return KMS_ETOOBIG;
        }
        kms_buf_grew(buf, (size_t)got);
    }
}

static enum kms_status open_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return KMS_ENOTFOUND;
    case ENXIO: /* a socket */
        return KMS_EINVAL;
    case ENOMEM:
        return KMS_ENOMEM;
    default:
        return KMS_EIO;
    }
}

/* The time stamps of some file systems are coarse, so a length that disagrees counts as a change
 * too; a size of zero says nothing on file systems that make their files up while they are read. */
static bool stood_still(const struct kms_file_stamp *before, const struct kms_file_stamp *after,
                        size_t len)
{
    return kms_file_stamp_equal(before, after) &&
           (after->size == 0 || (uint64_t)after->size == len);
}

static enum kms_status read_open_file(int fd, struct kms_buf *buf, struct kms_file_stamp *ret_stamp)
{
    struct kms_file_stamp before;
    bool regular;
    if (!stamp_fd(fd, &before, &regular)) {
        return KMS_EIO;
    }
    if (!regular) {
        return KMS_EINVAL;
    }
    if (before.size > 0 && (uint64_t)before.size > buf->max) {
        return KMS_ETOOBIG;
    }
    enum kms_status status = read_to_end(fd, buf);
    if (status != KMS_OK) {
        return status;
    }
    struct kms_file_stamp after;
    if (!stamp_fd(fd, &after, &regular)) {
        return KMS_EIO;
    }
    if (!stood_still(&before, &after, buf->len)) {
        return KMS_EBUSY;
    }
    if (ret_stamp) {
        *ret_stamp = after;
    }
    return KMS_OK;
}

enum kms_status kms_file_read(const char *path, struct kms_buf *buf,
                              struct kms_file_stamp *ret_stamp, int *ret_errno)
{
    kms_buf_clear(buf);
    enum kms_status status;
    int error;
    /* Without O_NONBLOCK a FIFO that nobody writes would hold the caller for ever. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error = errno;
        status = open_status(error);
    } else {
        errno = 0;
        status = read_open_file(fd, buf, ret_stamp);
        error = errno;
        (void)close(fd);
    }
    if (status != KMS_OK) {
        kms_buf_clear(buf);
        if (ret_errno) {
            *ret_errno = error;
        }
    }
    return status;
}

const char *kms_file_why(enum kms_status status, int error)
{
    const char *text = status == KMS_EIO && error != 0 ? strerrordesc_np(error) : NULL;
    switch (status) {
    case KMS_ENOTFOUND:
        return "no such file";
    case KMS_EINVAL:
        return "not a regular file";
    case KMS_EBUSY:
        return "it changed while it was read";
    case KMS_EIO:
        return text ? text : "it cannot be read";
    default:
        return kms_status_text(status);
    }
}

enum kms_status kms_file_read_fd(int fd, struct kms_buf *buf)
{
    kms_buf_clear(buf);
    enum kms_status status = read_to_end(fd, buf);
    if (status != KMS_OK) {
        kms_buf_clear(buf);
    }
    return status;
}

/* strerror is not safe beside other threads and speaks the locale's language. */
static const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

static enum kms_status fail(struct kms_fault *fault, const char *what, const char *path, int error)
{
    char shown[128];
    kms_text_clean(shown, sizeof shown, path, strlen(path));
    return kms_fault_set(fault, error == ENOMEM ? KMS_ENOMEM : KMS_EIO, 0, "%s '%s': %s", what,
                         shown, error_text(error));
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

/* Everything the new file needs before it may take the old one's name. */
static bool fill_file(int fd, const void *bytes, size_t len, unsigned mode)
{
    return fchmod(fd, (mode_t)(mode & 07777U)) == 0 && write_all(fd, bytes, len) && fsync(fd) == 0;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return kms_text_dup(".");
    }
    return kms_text_dup_len(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The rename is on the disk when the folder is. Some file systems cannot do that, and a folder may
 * be writable without being readable: both are no failure of the replacement. */
static enum kms_status flush_folder(const char *path, struct kms_fault *fault)
{
    char *folder = folder_of(path);
    if (!folder) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    enum kms_status status = KMS_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        status = errno == EACCES ? KMS_OK : fail(fault, "cannot open folder", folder, errno);
    } else {
        if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) {
            status = fail(fault, "cannot flush folder", folder, errno);
        }
        (void)close(fd);
    }
    free(folder);
    return status;
}

/* Whoever was first: a link, unlike a rename, does not replace. */
static int link_once(const char *temp, const char *path)
{
    if (link(temp, path) != 0 && errno != EEXIST) {
        return -1;
    }
    return unlink(temp);
}

void kms_file_hand_over(int fd, const char *path)
{
    struct stat about;
    char *folder = geteuid() == 0 ? folder_of(path) : NULL;
    /* No failure: a file system without owners has nobody to give it to, and where root may not do
     * it, the file is what it would have been. */
    if (folder && stat(folder, &about) == 0 && about.st_uid != 0 &&
        fchown(fd, about.st_uid, about.st_gid) != 0) {
        errno = 0;
    }
    free(folder);
}

/* How a new file gets its name, and whose it is. */
struct manner {
    int (*name)(const char *temp, const char *path);
    bool hand_over;
};

static enum kms_status write_and_name(char *temp, const char *path, const void *bytes, size_t len,
                                      unsigned mode, struct manner manner, struct kms_fault *fault)
{
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        return fail(fault, "cannot create a file beside", path, errno);
    }
    bool filled = fill_file(fd, bytes, len, mode);
    int error = errno;
    if (manner.hand_over) {
        kms_file_hand_over(fd, path);
    }
    /* Network file systems report a full disk here. */
    if (close(fd) != 0 && filled) {
        error = errno;
        filled = false;
    }
    enum kms_status status = KMS_OK;
    if (!filled) {
        status = fail(fault, "cannot write a new", path, error);
    } else if (manner.name(temp, path) != 0) {
        status = fail(fault, "cannot replace", path, errno);
    }
    if (status != KMS_OK) {
        (void)unlink(temp);
    }
    return status;
}

static enum kms_status write_beside(const char *path, const void *bytes, size_t len, unsigned mode,
                                    struct manner manner, struct kms_fault *fault)
{
    static const char suffix[] = ".XXXXXX";
    size_t size = strlen(path) + sizeof suffix;
    char *temp = malloc(size);
    if (!temp) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    kms_text_format(temp, size, "%s%s", path, suffix);
    enum kms_status status = write_and_name(temp, path, bytes, len, mode, manner, fault);
    free(temp);
    return status == KMS_OK ? flush_folder(path, fault) : status;
}

enum kms_status kms_file_replace(const char *path, const void *bytes, size_t len, unsigned mode,
                                 struct kms_fault *fault)
{
    return write_beside(path, bytes, len, mode, (struct manner){.name = rename}, fault);
}

enum kms_status kms_file_keep(const char *path, const void *bytes, size_t len, unsigned mode,
                              struct kms_fault *fault)
{
    return write_beside(path, bytes, len, mode, (struct manner){.name = rename, .hand_over = true},
                        fault);
}

enum kms_status kms_file_create(const char *path, const void *bytes, size_t len, unsigned mode,
                                struct kms_fault *fault)
{
    return write_beside(path, bytes, len, mode, (struct manner){.name = link_once}, fault);
}

char *kms_file_absolute(const char *path)
{
    if (path[0] == '/') {
        return kms_text_dup(path);
    }
    char *folder = getcwd(NULL, 0);
    if (!folder) {
        return NULL;
    }
    struct kms_buf whole;
    kms_buf_init(&whole, PATH_SIZE_MAX);
    char *result = NULL;
    if (kms_buf_addf(&whole, "%s/%s", folder, path) == KMS_OK) {
        result = kms_buf_take(&whole);
    }
    kms_buf_done(&whole);
    free(folder);
    return result;
}
