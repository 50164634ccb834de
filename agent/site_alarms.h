/* The block alarms: what is told, after how many polls, and how much in a minute. */
#ifndef KMS_AGENT_SITE_ALARMS_H
#define KMS_AGENT_SITE_ALARMS_H

#include "agent/site.h"
#include "base/conf.h"

/* All defaults, and what the block says; block NULL: there is none. */
void kms_site_read_alarms(const struct kms_conf_node *block, struct kms_site_alarms *alarms,
                          struct kms_conf_errors *errors);
/* The block with all defaults; types that are as the others are left out. */
enum kms_status kms_site_print_alarms(const struct kms_site_alarms *alarms, struct kms_buf *buf);
enum kms_status kms_site_alarms_keys(struct kms_buf *buf);

#endif
