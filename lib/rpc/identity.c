/* The CMID file, made once and read ever after, and the workstation name. */
#include "rpc/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/entropy.h"
#include "base/file.h"
#include "base/text.h"
#include "rpc/cipher.h"

#define CMID_NAME "cmid"
#define TEMP_NAME "cmid.XXXXXX"

#define MACHINE_ID_FILE "/etc/machine-id"
#define MACHINE_ID_LEN  32

static const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

/* "kmsmon", or the number of a user that has no name. */
static void user_text(uid_t uid, char *dst, size_t size)
{
    char room[1024];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found) {
        kms_text_clean(dst, size, found->pw_name, strlen(found->pw_name));
        return;
    }
    kms_text_format(dst, size, "#%lld", (long long)uid);
}

enum kms_status kms_identity_folder(const char *state_dir, struct kms_fault *fault)
{
    struct stat st;
    if (stat(state_dir, &st) != 0) {
        int error = errno;
        if (error == ENOENT) {
            return kms_fault_set(fault, KMS_EIO, 0,
                                 "state directory '%.80s' does not exist; make it with mode 0700 "
                                 "for the user that asks, or name another one with state-dir",
                                 state_dir);
        }
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state directory '%.80s' cannot be looked at: %s; let this user enter "
                             "the folders above it, or name another one with state-dir",
                             state_dir, error_text(error));
    }
    if (!S_ISDIR(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state directory '%.80s' is not a folder; name a folder with "
                             "state-dir",
                             state_dir);
    }
    if (st.st_uid != geteuid()) {
        char user[40];
        user_text(st.st_uid, user, sizeof user);
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state directory '%.60s' belongs to %s, who alone may use it; run as "
                             "%s, or name another one with state-dir",
                             state_dir, user, user);
    }
    /* Who may write there may put another file in the place of one that is the owner's alone. */
    if ((st.st_mode & S_ISVTX) != 0 && (st.st_mode & S_IWOTH) != 0) {
        /* Everybody's, as /tmp is: nothing is wrong with the folder. */
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state directory '%.60s' may be written by others (mode %04o): name a "
                             "folder of this user's own with state-dir",
                             state_dir, (unsigned)(st.st_mode & 07777U));
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "state directory '%.60s' may be written by others (mode %04o): chmod "
                             "go-w '%.60s'",
                             state_dir, (unsigned)(st.st_mode & 07777U), state_dir);
    }
    return KMS_OK;
}

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(size);
    if (path) {
        kms_text_format(path, size, "%s/%s", folder, name);
    }
    return path;
}

static enum kms_status no_memory(struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
}

/* ---- reading ---- */

/* Another user's file may hold anything, and one that others may read tells them how to pass for
 * the monitor. */
static enum kms_status check_file(int fd, const char *path, struct kms_fault *fault)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be looked at: %s", path,
                             error_text(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "'%.100s' is not a regular file; put the identity of this monitor "
                             "back from a backup",
                             path);
    }
    if (st.st_uid != geteuid()) {
        char user[40];
        user_text(st.st_uid, user, sizeof user);
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' belongs to %s; run as the owner of it",
                             path, user);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "'%.80s' may be read or written by others (mode %04o): chmod 600 "
                             "'%.80s'",
                             path, (unsigned)(st.st_mode & 07777U), path);
    }
    return KMS_OK;
}

static bool parse(char *text, size_t len, struct kms_guid *ret)
{
    if (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    text[len] = '\0';
    return strlen(text) == len && kms_guid_parse(text, ret) && !kms_guid_is_zero(ret);
}

static enum kms_status read_open(int fd, const char *path, struct kms_guid *ret,
                                 struct kms_fault *fault)
{
    char text[64];
    size_t len = 0;
    enum kms_status status = check_file(fd, path, fault);
    if (status != KMS_OK) {
        return status;
    }
    while (len < sizeof text - 1) {
        ssize_t got = read(fd, text + len, sizeof text - 1 - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be read: %s", path,
                                 error_text(errno));
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    if (!parse(text, len, ret)) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0,
                             "'%.100s' does not hold a GUID; put it back from a backup, or remove "
                             "it: hosts may then count this monitor twice for 30 days",
                             path);
    }
    return KMS_OK;
}

static enum kms_status read_path(const char *path, struct kms_guid *ret, struct kms_fault *fault)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int error = errno;
        if (error == ENOENT) {
            return kms_fault_set(fault, KMS_ENOTFOUND, 0, "'%.100s' does not exist yet", path);
        }
        if (error == ELOOP) {
            return kms_fault_set(fault, KMS_EIO, 0,
                                 "'%.100s' is a symbolic link; put the file itself there", path);
        }
        if (error == EACCES) {
            return kms_fault_set(fault, KMS_EIO, 0,
                                 "'%.80s' may not be read; run as the owner of it, and chmod 600 "
                                 "'%.80s'",
                                 path, path);
        }
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be opened: %s", path,
                             error_text(error));
    }
    enum kms_status status = read_open(fd, path, ret, fault);
    (void)close(fd);
    return status;
}

/* ---- making ---- */

static bool write_text(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        text += put;
        len -= (size_t)put;
    }
    return true;
}

/* errno tells what failed. */
static bool fill(int fd, const struct kms_guid *cmid)
{
    char text[KMS_GUID_TEXT + 1];
    char guid[KMS_GUID_TEXT];
    kms_guid_text(cmid, guid);
    kms_text_format(text, sizeof text, "%s\n", guid);
    return fchmod(fd, S_IRUSR | S_IWUSR) == 0 && write_text(fd, text, strlen(text)) &&
           fsync(fd) == 0;
}

static enum kms_status cannot_make(const char *path, int error, struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_EIO, 0,
                         "'%.100s' cannot be made: %s; without it every request would look like "
                         "another client, so none is sent",
                         path, error_text(error));
}

/* Some file systems cannot, and a folder may be writable without being readable: both are no
 * failure, as with kms_file_replace. */
static bool flush_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES;
    }
    bool flushed = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
    int error = errno;
    (void)close(fd);
    errno = error;
    return flushed;
}

/* The name appears with the whole contents or not at all, and only when nobody took it before: a
 * link, unlike a rename, does not replace. */
static enum kms_status make(const char *state_dir, const char *path, char *temp,
                            const struct kms_guid *cmid, struct kms_fault *fault)
{
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        return cannot_make(path, errno, fault);
    }
    bool made = fill(fd, cmid);
    int error = errno;
    if (close(fd) != 0 && made) {
        error = errno;
        made = false;
    }
    if (made && link(temp, path) != 0) {
        error = errno;
        made = error == EEXIST;
    }
    (void)unlink(temp);
    if (made && !flush_folder(state_dir)) {
        error = errno;
        made = false;
    }
    return made ? KMS_OK : cannot_make(path, error, fault);
}

bool kms_identity_of_machine(const char *machine_id, struct kms_guid *ret)
{
    char text[sizeof "kmsmon cmid " + MACHINE_ID_LEN] = "";
    uint8_t hash[KMS_HASH_SIZE];
    if (strspn(machine_id, "0123456789abcdef") != MACHINE_ID_LEN ||
        strspn(machine_id, "0") == MACHINE_ID_LEN ||
        (machine_id[MACHINE_ID_LEN] != '\0' && machine_id[MACHINE_ID_LEN] != '\n')) {
        return false;
    }
    kms_text_format(text, sizeof text, "kmsmon cmid %.*s", MACHINE_ID_LEN, machine_id);
    kms_cipher_hash((const uint8_t *)text, strlen(text), hash);
    *ret = kms_guid_of_random(hash);
    return true;
}

static bool of_this_machine(struct kms_guid *ret)
{
    struct kms_buf buf;
    kms_buf_init(&buf, 64);
    bool made = kms_file_read(MACHINE_ID_FILE, &buf, NULL, NULL) == KMS_OK &&
                kms_identity_of_machine(kms_buf_str(&buf), ret);
    kms_buf_done(&buf);
    return made;
}

/* Random bytes only where the machine has no id, as in a bare container. */
static enum kms_status make_new(const char *state_dir, const char *path, struct kms_fault *fault)
{
    struct kms_guid cmid;
    uint8_t random[KMS_GUID_SIZE];
    if (!of_this_machine(&cmid)) {
        if (!kms_entropy(random, sizeof random)) {
            return kms_fault_set(fault, KMS_EIO, 0,
                                 "the machine gives no random bytes to make '%.100s' of; look at "
                                 "getrandom",
                                 path);
        }
        cmid = kms_guid_of_random(random);
    }
    char *temp = join(state_dir, TEMP_NAME);
    if (!temp) {
        return no_memory(fault);
    }
    enum kms_status status = make(state_dir, path, temp, &cmid, fault);
    free(temp);
    return status;
}

enum kms_status kms_identity_read(const char *state_dir, struct kms_guid *ret_cmid,
                                  struct kms_fault *fault)
{
    enum kms_status status = kms_identity_folder(state_dir, fault);
    if (status != KMS_OK) {
        return status;
    }
    char *path = join(state_dir, CMID_NAME);
    if (!path) {
        return no_memory(fault);
    }
    struct kms_guid cmid;
    status = read_path(path, &cmid, fault);
    free(path);
    if (status == KMS_OK) {
        *ret_cmid = cmid;
    }
    return status;
}

enum kms_status kms_identity_open(const char *state_dir, struct kms_guid *ret_cmid,
                                  struct kms_fault *fault)
{
    enum kms_status status = kms_identity_read(state_dir, ret_cmid, fault);
    if (status != KMS_ENOTFOUND) {
        return status;
    }
    char *path = join(state_dir, CMID_NAME);
    if (!path) {
        return no_memory(fault);
    }
    status = make_new(state_dir, path, fault);
    free(path);
    /* Whoever was first: what stands there now is the one. */
    return status == KMS_OK ? kms_identity_read(state_dir, ret_cmid, fault) : status;
}

/* ---- the workstation's name ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static void add_name(char ret[KMS_WORKSTATION_SIZE], const char *name)
{
    size_t at = strlen(ret);
    for (; *name != '\0' && at < KMS_WORKSTATION_UNITS; name++) {
        ret[at] = '-';
        if (is_name_char(*name)) {
            ret[at] = *name;
        }
        at++;
    }
    while (at > 0 && ret[at - 1] == '.') {
        at--;
    }
    ret[at] = '\0';
}

static void add_label(char ret[KMS_WORKSTATION_SIZE], const char *name)
{
    size_t at = strlen(ret);
    if (name[0] == '\0' || at >= KMS_WORKSTATION_UNITS) {
        return;
    }
    ret[at] = '.';
    ret[at + 1] = '\0';
    add_name(ret, name);
}

void kms_workstation_of(const char *host, const char *domain, char ret[KMS_WORKSTATION_SIZE])
{
    ret[0] = '\0';
    add_name(ret, "kms-monitor");
    add_label(ret, host);
    if (domain && host[0] != '\0' && !strchr(host, '.')) {
        add_label(ret, domain[0] == '.' ? domain + 1 : domain);
    }
}

void kms_workstation(const char *domain, char ret[KMS_WORKSTATION_SIZE])
{
    char host[256];
    if (gethostname(host, sizeof host) != 0) {
        host[0] = '\0';
    }
    host[sizeof host - 1] = '\0'; /* gethostname need not end a name that it cut */
    kms_workstation_of(host, domain, ret);
}
