/* What lookups have shown, on its way from one process to the next. */
#ifndef KMS_AGENT_LOOKUPS_MEMORY_H
#define KMS_AGENT_LOOKUPS_MEMORY_H

#include "agent/discover.h"

/* Puts the hosts, the records and the times of missing hosts of the rows where they were; what the
 * site watches no longer is left out. */
enum kms_status kms_lookups_recall(const struct kms_lookups_config *config,
                                   struct kms_discovery *discovery, const struct kms_seen *seen);

/* The text of the file; the caller frees it with kms_buf_done. On failure it is empty. */
enum kms_status kms_lookups_remember(const struct kms_lookups_config *config,
                                     const struct kms_discovery *discovery,
                                     struct kms_buf *ret_text);

/* Another number when something came or went that is worth a write. */
uint64_t kms_lookups_print(const struct kms_zone *zone);

#endif
