/* The file that keeps the memory of a host, and its lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "net/address.h"
#include "rpc/identity.h"
#include "rpc/memory.h"

#define FOLDER      "activation"
#define LOCK_SUFFIX ".lock"
#define NAME_MAX_LEN \
    200 /* of 255 that file systems allow: the lock's and the new file's need some */
#define NAME_KEPT  160
#define READ_TRIES 5

static const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

static enum kms_status no_memory(struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
}

/* ---- the name ---- */

static bool is_plain(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !first);
}

/* Names of hosts have no case. Everything that a file system, a shell or the port behind it could
 * take for something else becomes %xx. */
static enum kms_status escape(const char *address, struct kms_buf *name)
{
    size_t len = strlen(address);
    if (len > 1 && address[len - 1] == '.') {
        len--;
    }
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < len; i++) {
        char c = kms_text_lower(address[i]);
        status = is_plain(c, i == 0) ? kms_buf_add(name, &c, 1)
                                     : kms_buf_addf(name, "%%%02x", (unsigned)(unsigned char)c);
    }
    return status;
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return hash;
}

/* One IPv6 address can be written in many ways, which are one host. */
static enum kms_status add_name(const char *address, uint16_t port, struct kms_buf *path)
{
    struct kms_buf name;
    struct kms_address number;
    char usual[KMS_ADDRESS_TEXT];
    kms_buf_init(&name, 1 << 16);
    bool is_number = kms_address_parse(address, port, &number);
    if (is_number) {
        kms_address_text(&number, usual, sizeof usual);
    }
    enum kms_status status = escape(is_number ? usual : address, &name);
    const char *text = kms_buf_str(&name);
    if (status == KMS_OK && name.len <= NAME_MAX_LEN) {
        status = kms_buf_addf(path, "%s_%u", text, port);
    } else if (status == KMS_OK) {
        status = kms_buf_addf(path, "%.*s~%016llx_%u", NAME_KEPT, text,
                              (unsigned long long)hash_of(text), port);
    }
    kms_buf_done(&name);
    return status;
}

/* ---- the folder ---- */

static enum kms_status check_folder(const char *path, struct kms_fault *fault)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be looked at: %s", path,
                             error_text(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' is not a folder; move it away", path);
    }
    if (st.st_uid != geteuid()) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' belongs to user #%lld; run as that user",
                             path, (long long)st.st_uid);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.80s' is open to others: chmod 700 '%.80s'",
                             path, path);
    }
    return KMS_OK;
}

static enum kms_status make_folder(const char *path, struct kms_fault *fault)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "'%.100s' cannot be made: %s; without it the interval between two "
                             "requests cannot be kept, so none is sent",
                             path, error_text(errno));
    }
    return check_folder(path, fault);
}

enum kms_status kms_memory_open(const char *state_dir, const char *address, uint16_t port,
                                struct kms_memory_file *ret, struct kms_fault *fault)
{
    enum kms_status status = kms_identity_folder(state_dir, fault);
    if (status != KMS_OK) {
        return status;
    }
    struct kms_buf path;
    kms_buf_init(&path, 1 << 16);
    status = kms_buf_addf(&path, "%s/" FOLDER, state_dir);
    if (status == KMS_OK) {
        status = make_folder(kms_buf_str(&path), fault);
    } else {
        (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(&path, "/");
        if (status == KMS_OK) {
            status = add_name(address, port, &path);
        }
        if (status != KMS_OK) {
            (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
        }
    }
    if (status == KMS_OK) {
        *ret = (struct kms_memory_file){.path = kms_buf_take(&path), .lock = -1};
    }
    kms_buf_done(&path);
    return status;
}

/* ---- the lock ---- */

enum kms_status kms_memory_lock(struct kms_memory_file *file, struct kms_fault *fault)
{
    size_t size = strlen(file->path) + sizeof LOCK_SUFFIX;
    char *path = malloc(size);
    if (!path) {
        return no_memory(fault);
    }
    kms_text_format(path, size, "%s" LOCK_SUFFIX, file->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    int error = errno;
    enum kms_status status = KMS_OK;
    if (fd < 0) {
        status = kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be opened: %s", path,
                               error_text(error));
    }
    free(path);
    if (status != KMS_OK) {
        return status;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error = errno;
        (void)close(fd);
        if (error == EWOULDBLOCK) {
            return kms_fault_set(fault, KMS_EBUSY, 0, "another probe of this host is under way");
        }
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be locked: %s", file->path,
                             error_text(error));
    }
    file->lock = fd;
    return KMS_OK;
}

void kms_memory_close(struct kms_memory_file *file)
{
    if (file->lock >= 0) {
        (void)close(file->lock);
    }
    free(file->path);
    *file = (struct kms_memory_file){.path = NULL, .lock = -1};
}

/* ---- the contents ---- */

/* A file that is replaced while it is read looks as if it changed: the next try meets the new one.
 */
static enum kms_status read_file(const char *path, struct kms_buf *buf, int *ret_error)
{
    enum kms_status status = KMS_EBUSY;
    for (int i = 0; status == KMS_EBUSY && i < READ_TRIES; i++) {
        status = kms_file_read(path, buf, NULL, ret_error);
    }
    return status;
}

static enum kms_status damaged(const char *path, const struct kms_fault *why,
                               struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ESYNTAX, why->offset,
                         "'%.90s' is damaged, %.70s; no request is sent until it is removed", path,
                         why->text);
}

enum kms_status kms_memory_load(const struct kms_memory_file *file, struct kms_memory *ret,
                                struct kms_fault *fault)
{
    struct kms_buf buf;
    struct kms_fault why = {.offset = 0};
    int error = 0;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    enum kms_status status = read_file(file->path, &buf, &error);
    if (status == KMS_ENOTFOUND) {
        *ret = (struct kms_memory){.asked_s = 0};
        status = KMS_OK;
    } else if (status == KMS_OK) {
        status = kms_memory_read(kms_buf_str(&buf), buf.len, ret, &why);
        if (status != KMS_OK) {
            status = damaged(file->path, &why, fault);
        }
    } else if (status == KMS_ENOMEM) {
        status = no_memory(fault);
    } else if (status == KMS_ETOOBIG) {
        status = kms_fault_set(fault, status, 0,
                               "'%.100s' is damaged, too long; no request is sent until it is "
                               "removed",
                               file->path);
    } else {
        status = kms_fault_set(
            fault, status, 0, "'%.100s' cannot be read: %s; no request is sent until it can",
            file->path, error != 0 ? error_text(error) : kms_status_text(status));
    }
    kms_buf_done(&buf);
    return status;
}

enum kms_status kms_memory_save(const struct kms_memory_file *file, const struct kms_memory *memory,
                                struct kms_fault *fault)
{
    if (file->lock < 0) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "'%.100s' is not locked", file->path);
    }
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    enum kms_status status = kms_memory_write(memory, &buf);
    if (status != KMS_OK) {
        (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    } else {
        status = kms_file_replace(file->path, kms_buf_str(&buf), buf.len, S_IRUSR | S_IWUSR, fault);
    }
    kms_buf_done(&buf);
    return status;
}
