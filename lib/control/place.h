/* Where the control socket is when nobody says it. */
#ifndef KMS_CONTROL_PLACE_H
#define KMS_CONTROL_PLACE_H

#include <stddef.h>

/* The daemon takes the first when it can have it, else this name in its state-dir; so those who ask
 * look at the first, then in the usual state-dir. */
#define KMS_CONTROL_PATH       "/run/kmsmon/control"
#define KMS_CONTROL_STATE_NAME "control"
#define KMS_CONTROL_STATE_PATH "/var/lib/kmsmon/" KMS_CONTROL_STATE_NAME

#endif
