/* The block defaults: what hosts share, said once. */
#ifndef KMS_AGENT_SITE_DEFAULTS_H
#define KMS_AGENT_SITE_DEFAULTS_H

#include "base/conf.h"

/* A block of a host with the settings of defaults that it does not have itself, in its own blocks
 * too; a block that only defaults has is left out. Every node keeps its place in the files. The
 * result is one heap array, the caller's to free, and points into both trees. defaults NULL: just
 * the host's. NULL: out of memory. */
struct kms_conf_node *kms_site_with_defaults(const struct kms_conf_node *host,
                                             const struct kms_conf_node *defaults);

#endif
