/* The file of the control socket: made so that nobody but those who may ever gets in, and removed
 * again. */
#ifndef KMS_AGENT_CONTROL_SOCKET_H
#define KMS_AGENT_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

#define KMS_CONTROL_PATH_SIZE 108 /* of struct sockaddr_un */

struct kms_control_socket {
    int fd; /* listening, non-blocking; -1: none */
    char path[KMS_CONTROL_PATH_SIZE];
    dev_t device;
    ino_t inode;
};

/* Makes the folder when it is not there (0755) and listens at path with these permissions, whatever
 * the umask. What a dead process left is replaced. KMS_EBUSY: a living process listens there, which
 * the fault names; KMS_EIO: it cannot be had, or is there and is no socket; KMS_ETOOBIG: the path
 * is too long. */
enum kms_status kms_control_socket_open(const char *path, mode_t mode,
                                        struct kms_control_socket *ret, struct kms_fault *fault);
/* Removes the file unless another socket took its place. The descriptor is somebody else's. */
void kms_control_socket_remove(struct kms_control_socket *socket);

#endif
