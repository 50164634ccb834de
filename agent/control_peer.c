/* Reads the credentials of a peer and looks names of groups up. */
#include "agent/control_peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define ENTRY_MAX  ((size_t)1 << 20) /* a group with all its members */
#define GROUPS_MAX ((size_t)65536)   /* of a user; NGROUPS_MAX */

static int look_up(const char *name, gid_t *ret_gid, bool *ret_found)
{
    size_t size = 4096;
    for (;;) {
        char *buf = malloc(size);
        if (!buf) {
            return ENOMEM;
        }
        struct group entry, *found = NULL;
        int error = getgrnam_r(name, &entry, buf, size, &found);
        if (error == 0) {
            *ret_found = found != NULL;
            *ret_gid = found ? entry.gr_gid : 0;
        }
        free(buf);
        if (error != ERANGE || size >= ENTRY_MAX) {
            return error;
        }
        size *= 4;
    }
}

/* Some directories answer "no such entry" by an error. */
static bool is_absent(int error, bool found)
{
    return error == ENOENT || error == ESRCH || (error == 0 && !found);
}

static enum kms_status find_group(const char *name, bool *ret_has, gid_t *ret_gid, char *ret_name,
                                  struct kms_fault *fault)
{
    if (!name || name[0] == '\0') {
        return KMS_OK;
    }
    gid_t gid = 0;
    bool found = false;
    int error = look_up(name, &gid, &found);
    if (is_absent(error, found)) {
        return kms_fault_set(fault, KMS_ENOTFOUND, 0, "there is no group '%.60s'", name);
    }
    if (error != 0) {
        return kms_fault_set(fault, error == ENOMEM ? KMS_ENOMEM : KMS_EIO, 0,
                             "group '%.60s' cannot be looked up (%s)", name,
                             strerrordesc_np(error));
    }
    *ret_has = true;
    *ret_gid = gid;
    kms_text_copy(ret_name, KMS_CONTROL_NAME_SIZE, name);
    return KMS_OK;
}

static void name_user(uid_t uid, char *dst)
{
    char buf[8192];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) == 0 && found) {
        kms_text_copy(dst, KMS_CONTROL_NAME_SIZE, entry.pw_name);
    } else {
        kms_text_format(dst, KMS_CONTROL_NAME_SIZE, "%u", (unsigned)uid);
    }
}

enum kms_status kms_control_access_find(const char *readers, const char *operators,
                                        struct kms_control_access *ret, struct kms_fault *fault)
{
    struct kms_control_access access = {.own = geteuid()};
    name_user(access.own, access.own_name);
    enum kms_status status = find_group(readers, &access.has_readers, &access.readers,
                                        access.readers_name, fault);
    if (status == KMS_OK) {
        status = find_group(operators, &access.has_operators, &access.operators,
                            access.operators_name, fault);
    }
    if (status == KMS_OK) {
        *ret = access;
    }
    return status;
}

struct kms_control_peer kms_control_peer_judge(const struct kms_control_access *access, uid_t uid,
                                               const gid_t *group, size_t count)
{
    struct kms_control_peer peer = {.uid = uid};
    peer.may_change = uid == 0 || uid == access->own;
    for (size_t i = 0; i < count; i++) {
        peer.may_change |= access->has_operators && group[i] == access->operators;
        peer.may_read |= access->has_readers && group[i] == access->readers;
    }
    peer.may_read |= peer.may_change;
    return peer;
}

/* The groups beside the first, which an older kernel does not tell: then there are none. */
static size_t other_groups(int fd, gid_t **ret_group)
{
    socklen_t size = 64 * sizeof(gid_t);
    for (;;) {
        gid_t *group = malloc(size);
        if (!group) {
            return 0;
        }
        socklen_t used = size;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, group, &used) == 0) {
            *ret_group = group;
            return used / sizeof(gid_t);
        }
        free(group);
        if (errno != ERANGE || used <= size || used / sizeof(gid_t) > GROUPS_MAX) {
            return 0;
        }
        size = used;
    }
}

enum kms_status kms_control_peer_of(int fd, const struct kms_control_access *access,
                                    struct kms_control_peer *ret)
{
    struct ucred cred;
    socklen_t size = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || size != sizeof cred ||
        cred.uid == (uid_t)-1) {
        return KMS_EIO;
    }
    gid_t *group = NULL;
    size_t count = other_groups(fd, &group);
    struct kms_control_peer first = kms_control_peer_judge(access, cred.uid, &cred.gid, 1);
    struct kms_control_peer others = kms_control_peer_judge(access, cred.uid, group, count);
    free(group);
    *ret = (struct kms_control_peer){.pid = cred.pid,
                                     .uid = cred.uid,
                                     .may_read = first.may_read || others.may_read,
                                     .may_change = first.may_change || others.may_change};
    return KMS_OK;
}

void kms_control_access_text(const struct kms_control_access *access, bool changes, char *dst,
                             size_t size)
{
    const char *groups[2] = {changes || !access->has_readers ? NULL : access->readers_name,
                             access->has_operators ? access->operators_name : NULL};
    if (groups[0] && groups[1] && kms_text_equal(groups[0], groups[1])) {
        groups[1] = NULL;
    }
    bool any = groups[0] || groups[1];
    kms_text_copy(dst, size, "root");
    if (access->own != 0) {
        kms_text_append(dst, size, "%s user %s", any ? "," : " and", access->own_name);
    }
    if (groups[0] && groups[1]) {
        kms_text_append(dst, size, " and members of the groups %s and %s", groups[0], groups[1]);
    } else if (any) {
        kms_text_append(dst, size, " and members of group %s", groups[0] ? groups[0] : groups[1]);
    }
}
