/* Leaves root behind: groups, user, capabilities, and the ways back. */
#include "agent/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

#define LOOKUP_SIZE 16384
#define CAP_HIGHEST 63 /* the kernel refuses what it does not know */

/* ---- who ---- */

static enum kms_status find_user(const char *name, struct kms_identity *ret,
                                 struct kms_fault *fault)
{
    char room[LOOKUP_SIZE];
    struct passwd entry, *found = NULL;
    uint64_t number;
    int error = getpwnam_r(name, &entry, room, sizeof room, &found);
    if (!found && kms_text_u64(name, &number) && number < UINT32_MAX) {
        error = getpwuid_r((uid_t)number, &entry, room, sizeof room, &found);
    }
    if (!found) {
        return kms_fault_set(fault, KMS_ENOTFOUND, 0,
                             "there is no user '%.60s' (%s); create it, as systemd-sysusers does, "
                             "or name another one with user",
                             name, error ? strerrordesc_np(error) : "not found");
    }
    ret->uid = found->pw_uid;
    ret->gid = found->pw_gid;
    if (!kms_text_copy(ret->user, sizeof ret->user, found->pw_name)) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "the name of the user '%.60s' is too long",
                             name);
    }
    return KMS_OK;
}

static enum kms_status find_group(const char *name, struct kms_identity *ret,
                                  struct kms_fault *fault)
{
    char room[LOOKUP_SIZE];
    struct group entry, *found = NULL;
    uint64_t number;
    int error = getgrnam_r(name, &entry, room, sizeof room, &found);
    if (!found && kms_text_u64(name, &number) && number < UINT32_MAX) {
        error = getgrgid_r((gid_t)number, &entry, room, sizeof room, &found);
    }
    if (!found) {
        return kms_fault_set(fault, KMS_ENOTFOUND, 0,
                             "there is no group '%.60s' (%s); create it, or leave group out for "
                             "that of the user",
                             name, error ? strerrordesc_np(error) : "not found");
    }
    ret->gid = found->gr_gid;
    return KMS_OK;
}

enum kms_status kms_identity_find(const char *user, const char *group, struct kms_identity *ret,
                                  struct kms_fault *fault)
{
    struct kms_identity who = {0};
    enum kms_status status = find_user(user, &who, fault);
    if (status == KMS_OK && group) {
        status = find_group(group, &who, fault);
    }
    if (status == KMS_OK) {
        *ret = who;
    }
    return status;
}

/* ---- capabilities ---- */

struct rights {
    struct __user_cap_data_struct part[_LINUX_CAPABILITY_U32S_3];
};

static bool get_rights(struct rights *ret)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &head, ret->part) == 0;
}

static bool set_rights(const struct rights *rights)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capset, &head, rights->part) == 0;
}

static bool is_empty(const struct rights *rights)
{
    uint32_t any = 0;
    for (size_t i = 0; i < KMS_COUNT_OF(rights->part); i++) {
        any |= rights->part[i].effective | rights->part[i].permitted | rights->part[i].inheritable;
    }
    return any == 0;
}

/* Ports below 1024, if that was ours to keep. */
static bool keep_ports_only(void)
{
    struct rights had;
    if (!get_rights(&had)) {
        return false;
    }
    struct rights kept = {0};
    uint32_t ports = CAP_TO_MASK(CAP_NET_BIND_SERVICE);
    struct __user_cap_data_struct *part = &kept.part[CAP_TO_INDEX(CAP_NET_BIND_SERVICE)];
    part->permitted = had.part[CAP_TO_INDEX(CAP_NET_BIND_SERVICE)].permitted & ports;
    part->effective = part->permitted;
    return set_rights(&kept);
}

/* What a program that is started could have; not every root may change it, and a process that gets
 * no new privileges does not need it. */
static void empty_bounding_set(void)
{
    for (unsigned long i = 0; i <= CAP_HIGHEST; i++) {
        (void)prctl(PR_CAPBSET_DROP, i, 0L, 0L, 0L);
    }
}

/* ---- the change ---- */

bool kms_privileges_are_ours(void)
{
    return geteuid() == 0;
}

enum kms_status kms_privileges_make_folder(const char *path, const struct kms_identity *who,
                                           mode_t mode, struct kms_fault *fault)
{
    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? KMS_OK
                               : kms_fault_set(fault, KMS_EIO, 0,
                                               "the folder '%.100s' cannot be made (%s); make the "
                                               "one above it, or name another one",
                                               path, strerrordesc_np(errno));
    }
    /* What was made a moment ago, and nothing that took its place. */
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool given = folder >= 0 && fchmod(folder, mode) == 0 &&
                 fchown(folder, who->uid, who->gid) == 0;
    int error = errno;
    if (folder >= 0) {
        (void)close(folder);
    }
    return given ? KMS_OK
                 : kms_fault_set(fault, KMS_EIO, 0,
                                 "the folder '%.100s' cannot be given to user '%s' (%s)", path,
                                 who->user, strerrordesc_np(error));
}

static enum kms_status failed(const char *what, const struct kms_identity *who,
                              struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_EIO, 0,
                         "cannot become user '%s': %s: %s; start kmsmond as that user", who->user,
                         what, strerrordesc_np(errno));
}

enum kms_status kms_privileges_become(const struct kms_identity *who, struct kms_fault *fault)
{
    if (who->uid == 0) {
        return KMS_OK; /* somebody wants it so */
    }
    empty_bounding_set();
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0) {
        return failed("capabilities", who, fault);
    }
    if (initgroups(who->user, who->gid) != 0) {
        return failed("its groups", who, fault);
    }
    if (setresgid(who->gid, who->gid, who->gid) != 0) {
        return failed("its group", who, fault);
    }
    if (setresuid(who->uid, who->uid, who->uid) != 0) {
        return failed("its user id", who, fault);
    }
    if (!keep_ports_only() || prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) != 0) {
        return failed("capabilities", who, fault);
    }
    return KMS_OK;
}

/* Each of these must fail. */
static bool is_a_way_back(void)
{
    return setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0;
}

enum kms_status kms_privileges_give_up(struct kms_fault *fault)
{
    if (geteuid() == 0) {
        return KMS_OK;
    }
    const struct rights none = {0};
    struct rights left;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || !set_rights(&none) ||
        !get_rights(&left)) {
        return kms_fault_set(fault, KMS_EIO, 0, "privileges cannot be given up: %s",
                             strerrordesc_np(errno));
    }
    if (!is_empty(&left) || is_a_way_back()) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "privileges that were given up can be had again; start kmsmond as the "
                             "user that it should run as");
    }
    return KMS_OK;
}
