/* What the configuration says of WS-Management: the credentials blocks of the top, and the block
 * wsman of a host, which names one of them. */
#ifndef KMS_AGENT_SITE_WSMAN_H
#define KMS_AGENT_SITE_WSMAN_H

#include "agent/site.h"

/* All credentials blocks of the top. Their files are looked at, and not kept. */
void kms_site_read_credentials(const struct kms_conf_node *root, struct kms_site *site,
                               struct kms_conf_errors *errors);
void kms_site_credentials_done(struct kms_site *site);

/* The block wsman of the host; its name and address and the site's credentials are complete. */
void kms_site_read_wsman(const struct kms_conf_node *block, const struct kms_site *site,
                         struct kms_target *host, struct kms_conf_errors *errors);

enum kms_status kms_site_print_credentials(const struct kms_site *site, struct kms_buf *buf);
enum kms_status kms_site_print_wsman(const struct kms_source_config *source, struct kms_buf *buf);
enum kms_status kms_site_wsman_keys(struct kms_buf *buf);

#endif
