/* The blocks dns: how names are looked up at the top, and that a host must be published in its own
 * block. */
#ifndef KMS_AGENT_SITE_DNS_H
#define KMS_AGENT_SITE_DNS_H

#include "agent/site.h"

/* block NULL: the defaults alone. */
void kms_site_read_dns(const struct kms_conf_node *block, struct kms_site_dns *dns,
                       struct kms_conf_errors *errors);
/* The block dns of a host, whose name and address are known; dns is complete. */
void kms_site_read_published(const struct kms_conf_node *block, const struct kms_site_dns *dns,
                             struct kms_target *host, struct kms_conf_errors *errors);
void kms_site_dns_done(struct kms_site_dns *dns);

enum kms_status kms_site_print_dns(const struct kms_site_dns *dns, struct kms_buf *buf);
enum kms_status kms_site_print_published(const struct kms_target *host, struct kms_buf *buf);
enum kms_status kms_site_dns_keys(struct kms_buf *buf);

#endif
