/* Files as wholes: read with a cap, replaced in one step. Both may block: call them from start-up
 * or the worker. */
#ifndef KMS_BASE_FILE_H
#define KMS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/* What the file system said about the file while it was read. */
struct kms_file_stamp {
    int64_t mtime_ns; /* wall clock, since 1970 */
    int64_t ctime_ns;
    int64_t size;
    uint64_t device, inode;
};

bool kms_file_stamp_equal(const struct kms_file_stamp *a, const struct kms_file_stamp *b);

/* Reads a regular file into buf, whose max is the cap. KMS_ENOTFOUND, KMS_EINVAL (not a regular
 * file), KMS_ETOOBIG, KMS_EBUSY (it changed while it was read), KMS_EIO (permission too: errno is
 * in ret_errno when that is not NULL). On failure buf is empty. */
enum kms_status kms_file_read(const char *path, struct kms_buf *buf,
                              struct kms_file_stamp *ret_stamp, int *ret_errno);

/* Reads a descriptor to its end (a pipe, standard input); KMS_ETOOBIG past the cap. */
enum kms_status kms_file_read_fd(int fd, struct kms_buf *buf);

/* Writes a new file beside path, flushes it to the disk and renames it over path: readers see the
 * old contents or the new, never a part. mode e.g. 0640. The directory must exist. Symbolic links
 * are replaced, not followed. */
enum kms_status kms_file_replace(const char *path, const void *bytes, size_t len, unsigned mode,
                                 struct kms_fault *fault);

/* The same, but a file that is there stays as it is: KMS_OK too. */
enum kms_status kms_file_create(const char *path, const void *bytes, size_t len, unsigned mode,
                                struct kms_fault *fault);

/* As kms_file_replace, for what belongs with the folder: handed over, see below. */
enum kms_status kms_file_keep(const char *path, const void *bytes, size_t len, unsigned mode,
                              struct kms_fault *fault);

/* fd: a file at path, which this process has just made and nobody else could have put there
 * (O_EXCL). Where root makes it in a folder of somebody else, it becomes his, with the folder's
 * group: he could neither read nor write it otherwise. It stays root's where that cannot be done.
 */
void kms_file_hand_over(int fd, const char *path);

/* What a status and an errno (0: none) of kms_file_read mean to a person: "no such file". */
const char *kms_file_why(enum kms_status status, int error);

/* The path from the root on, on the heap, for when the working folder is given up; it need not
 * exist. NULL: out of memory, or the working folder has no name. */
char *kms_file_absolute(const char *path);

#endif
