/* A host as JSON: one line of a list, or everything that is known. */
#ifndef KMS_AGENT_CONTROL_HOST_H
#define KMS_AGENT_CONTROL_HOST_H

#include "model/board.h"
#include "model/zone.h"

struct json_t;

/* NULL: out of memory. */
struct json_t *kms_control_host_row(const struct kms_snapshot *snapshot);
/* The same with sources, keys, classes and publications; zones NULL: none. */
struct json_t *kms_control_host_details(const struct kms_snapshot *snapshot, size_t slot,
                                        const struct kms_zones *zones);
/* What each source that is asked met last; for kms_control_host_row alone. */
struct json_t *kms_control_host_sources(const struct kms_snapshot *snapshot);

#endif
