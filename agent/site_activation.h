/* What the configuration says of activation requests: the block activation of a host, and the
 * products that the site adds to those that are known. */
#ifndef KMS_AGENT_SITE_ACTIVATION_H
#define KMS_AGENT_SITE_ACTIVATION_H

#include "agent/site.h"

/* Reads the file that the key products of the top names; NULL: there is none. Errors of its rows
 * stand at the lines of that file. */
void kms_site_read_products(const struct kms_conf_node *root, const char *path,
                            struct kms_products *products, struct kms_conf_errors *errors);
/* The block activation of a host; products is complete. */
void kms_site_read_activation(const struct kms_conf_node *block,
                              const struct kms_products *products, struct kms_source_config *source,
                              struct kms_conf_errors *errors);

enum kms_status kms_site_print_activation(const struct kms_source_config *source,
                                          struct kms_buf *buf);
enum kms_status kms_site_activation_keys(struct kms_buf *buf);

#endif
