/* Who is at the other end of the control socket, by the kernel's word, and what he may do. */
#ifndef KMS_AGENT_CONTROL_PEER_H
#define KMS_AGENT_CONTROL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

#define KMS_CONTROL_NAME_SIZE 64

/* Root and the daemon's own user may do everything. */
struct kms_control_access {
    uid_t own;
    bool has_readers, has_operators;
    gid_t readers, operators;
    char own_name[KMS_CONTROL_NAME_SIZE];
    char readers_name[KMS_CONTROL_NAME_SIZE];
    char operators_name[KMS_CONTROL_NAME_SIZE];
};

struct kms_control_peer {
    pid_t pid;
    uid_t uid;
    bool may_read, may_change; /* who may change may read */
};

/* Looks the groups up (NULL or "": none). Asks the machine's directory and may wait for it: for the
 * start of the program. KMS_ENOTFOUND: there is no such group; KMS_EIO: it cannot be asked. */
enum kms_status kms_control_access_find(const char *readers, const char *operators,
                                        struct kms_control_access *ret, struct kms_fault *fault);

/* The peer of a connected unix socket, as it was when it connected. KMS_EIO: the kernel does not
 * tell. */
enum kms_status kms_control_peer_of(int fd, const struct kms_control_access *access,
                                    struct kms_control_peer *ret);
/* The same for a user in groups. */
struct kms_control_peer kms_control_peer_judge(const struct kms_control_access *access, uid_t uid,
                                               const gid_t *group, size_t count);

/* "root, user kmsmon and members of group nagios": who may. */
void kms_control_access_text(const struct kms_control_access *access, bool changes, char *dst,
                             size_t size);

#endif
