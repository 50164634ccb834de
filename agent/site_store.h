/* The block store: how much of history is kept. */
#ifndef KMS_AGENT_SITE_STORE_H
#define KMS_AGENT_SITE_STORE_H

#include "agent/site.h"

/* block NULL: the defaults alone. */
void kms_site_read_store(const struct kms_conf_node *block, struct kms_site_store *store,
                         struct kms_conf_errors *errors);
enum kms_status kms_site_print_store(const struct kms_site_store *store, struct kms_buf *buf);
enum kms_status kms_site_store_keys(struct kms_buf *buf);

#endif
