/* The block control: the socket that people and plugins ask the daemon through. */
#ifndef KMS_AGENT_SITE_CONTROL_H
#define KMS_AGENT_SITE_CONTROL_H

#include "agent/site.h"

/* block NULL: there is none. */
void kms_site_read_control(const struct kms_conf_node *block, struct kms_site_control *control,
                           struct kms_conf_errors *errors);
void kms_site_control_done(struct kms_site_control *control);
enum kms_status kms_site_print_control(const struct kms_site_control *control, struct kms_buf *buf);
enum kms_status kms_site_control_keys(struct kms_buf *buf);

#endif
