/* Reads a secret, and refuses files that others could have read. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static enum kms_status unreadable(int error, struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_EIO, 0,
                         "cannot be read (%s); allowed: a file that the agent may read",
                         strerror(error));
}

/* The permissions are those of the file that is read, whatever its name means a moment later. */
static enum kms_status check_file(int fd, bool credential, struct kms_fault *fault)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return unreadable(errno, fault);
    }
    if (!S_ISREG(about.st_mode)) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "is not a regular file; allowed: a file that the agent may read");
    }
    mode_t open_to = S_IRWXG | S_IRWXO;
    if (credential) {
        open_to &= ~(mode_t)S_IRGRP; /* the mask of systemd's ACL, not a group */
    }
    if ((about.st_mode & open_to) != 0) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "is readable by others; chmod 600");
    }
    return KMS_OK;
}

static bool is_credential(const char *file)
{
    return strchr(file, '/') == NULL;
}

static enum kms_status find_file(const char *file, char ret[KMS_SECRET_PATH_SIZE],
                                 struct kms_fault *fault)
{
    bool fits = false;
    if (!is_credential(file)) {
        fits = kms_text_copy(ret, KMS_SECRET_PATH_SIZE, file);
    } else if (kms_text_equal(file, "") || kms_text_equal(file, ".") ||
               kms_text_equal(file, "..")) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "is no file; allowed: a path, or the name of a systemd credential");
    } else {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        if (!folder || folder[0] != '/') {
            return kms_fault_set(fault, KMS_ENOTFOUND, 0,
                                 "has no slash, so it is a systemd credential, and systemd gave "
                                 "none; write a whole path, or LoadCredential= in the unit");
        }
        fits = kms_text_format(ret, KMS_SECRET_PATH_SIZE, "%s/%s", folder, file);
    }
    return fits ? KMS_OK : kms_fault_set(fault, KMS_ETOOBIG, 0, "has too long a path");
}

/* The open file and its path; the caller closes it. */
static enum kms_status open_file(const char *file, int *ret_fd, char ret_path[KMS_SECRET_PATH_SIZE],
                                 struct kms_fault *fault)
{
    char path[KMS_SECRET_PATH_SIZE];
    enum kms_status status = find_file(file, path, fault);
    if (status != KMS_OK) {
        return status;
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return unreadable(errno, fault);
    }
    status = check_file(fd, is_credential(file), fault);
    if (status != KMS_OK) {
        (void)close(fd);
        return status;
    }
    memcpy(ret_path, path, sizeof path);
    *ret_fd = fd;
    return KMS_OK;
}

static enum kms_status read_line(int fd, size_t least, char ret[KMS_SECRET_SIZE],
                                 struct kms_fault *fault)
{
    char text[KMS_SECRET_SIZE + 1]; /* room for a carriage return too */
    size_t len = 0;
    ssize_t got = 1;
    while (len < sizeof text && got > 0) {
        got = read(fd, text + len, sizeof text - len);
        if (got < 0 && errno != EINTR) {
            explicit_bzero(text, sizeof text);
            return unreadable(errno, fault);
        }
        len += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    const char *end = memchr(text, '\n', len);
    size_t line = end ? (size_t)(end - text) : len;
    line -= line > 0 && text[line - 1] == '\r' ? 1 : 0;
    bool fits = line >= least && line < KMS_SECRET_SIZE && !memchr(text, '\0', line);
    if (fits) {
        memcpy(ret, text, line);
        ret[line] = '\0';
    }
    explicit_bzero(text, sizeof text);
    return fits
               ? KMS_OK
               : kms_fault_set(fault, KMS_EINVAL, 0,
                               "has a first line that is too short or too long; allowed: %zu to %d "
                               "bytes",
                               least, KMS_SECRET_SIZE - 1);
}

enum kms_status kms_secret_read(const char *file, size_t least, char ret[KMS_SECRET_SIZE],
                                struct kms_fault *fault)
{
    char path[KMS_SECRET_PATH_SIZE];
    int fd = -1;
    enum kms_status status = open_file(file, &fd, path, fault);
    if (status == KMS_OK) {
        status = read_line(fd, least, ret, fault);
        (void)close(fd);
    }
    return status;
}

void kms_secret_forget(char secret[KMS_SECRET_SIZE])
{
    explicit_bzero(secret, KMS_SECRET_SIZE);
}

enum kms_status kms_secret_path(const char *file, char ret[KMS_SECRET_PATH_SIZE],
                                struct kms_fault *fault)
{
    int fd = -1;
    enum kms_status status = open_file(file, &fd, ret, fault);
    if (status == KMS_OK) {
        (void)close(fd);
    }
    return status;
}
