/* What is likely missing where a walk over WS-Management ended, likeliest first, and the command
 * that grants it. */
#ifndef KMS_CHECKS_WSMAN_ADVICE_H
#define KMS_CHECKS_WSMAN_ADVICE_H

#include <stddef.h>

#include "wsman_walk.h"

#define KMS_ADVICE_MAX 8

struct kms_advice {
    const char *cause;   /* {user}, {host} and {port} in both stand for the walk's */
    const char *command; /* NULL: none */
    bool on_monitor;     /* the command is for the monitoring machine, not for the host */
};

/* What fits a stage that failed. */
size_t kms_advice_find(const struct kms_walk *walk, enum kms_walk_stage stage,
                       const struct kms_advice *ret[KMS_ADVICE_MAX]);
/* A cause or a command with the names in their places; cut where it does not fit. user NULL: USER
 * stands there. */
void kms_advice_expand(const char *text, const struct kms_walk *walk, const char *user, char *dst,
                       size_t size);

#endif
