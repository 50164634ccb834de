/* The user that the daemon runs as: what only root may do is done first, and then nobody here is
 * root any more, for good. */
#ifndef KMS_AGENT_PRIVILEGES_H
#define KMS_AGENT_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

#define KMS_IDENTITY_NAME 64

struct kms_identity {
    char user[KMS_IDENTITY_NAME];
    uid_t uid;
    gid_t gid;
};

/* Looks the user up, and the group, whose absence (NULL) means that of the user. Names or numbers
 * of users that are there. KMS_ENOTFOUND: the fault says which is not. */
enum kms_status kms_identity_find(const char *user, const char *group, struct kms_identity *ret,
                                  struct kms_fault *fault);

/* True: the process may become another user. */
bool kms_privileges_are_ours(void);
/* Makes the folder with this mode when only its last part is missing, and gives it to the user.
 * What is there already stays as it is. */
enum kms_status kms_privileges_make_folder(const char *path, const struct kms_identity *who,
                                           mode_t mode, struct kms_fault *fault);
/* Becomes the user, with its groups, for good. Of all that root may, one thing is left, until
 * kms_privileges_give_up: to open ports below 1024. Before the process has other threads. */
enum kms_status kms_privileges_become(const struct kms_identity *who, struct kms_fault *fault);
/* Gives up what is left, unless the process is root and stays root; whatever it runs gets no more
 * either. KMS_EIO: it was tried to get it back, and that succeeded, or it cannot be given up. */
enum kms_status kms_privileges_give_up(struct kms_fault *fault);

#endif
