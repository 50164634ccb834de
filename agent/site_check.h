/* What a configured value must be beyond its type, so that it can work at all. */
#ifndef KMS_AGENT_SITE_CHECK_H
#define KMS_AGENT_SITE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/texts.h"
#include "model/policy.h"

/* Visible ASCII that needs no quotes in any file, 1 to max bytes. */
bool kms_site_is_word(const char *text, size_t max);

/* Each reports what is wrong at the line of the key, or of the block when the key is not there. A
 * value of NULL was not given and is fine unless said otherwise. */
void kms_site_check_agentx(const struct kms_conf_node *block, const char *agentx,
                           struct kms_conf_errors *errors);
void kms_site_check_address(const struct kms_conf_node *block, const char *address,
                            struct kms_conf_errors *errors);
/* Domains that hold the records of KMS hosts, each one once; takes the dots at their ends away. */
void kms_site_check_domains(const struct kms_conf_node *block, const char *key,
                            struct kms_texts *domains, struct kms_conf_errors *errors);
void kms_site_check_servers(const struct kms_conf_node *block, const char *key, const char *servers,
                            struct kms_conf_errors *errors);
void kms_site_check_path(const struct kms_conf_node *block, const char *key, const char *value,
                         struct kms_conf_errors *errors);
/* The file must be there and be readable. */
void kms_site_check_ca_file(const struct kms_conf_node *block, const char *path,
                            struct kms_conf_errors *errors);
/* NULL: it is missing. */
void kms_site_check_url(const struct kms_conf_node *block, const char *url,
                        struct kms_conf_errors *errors);
/* The key's value is a secret: the file that it stands in must be closed to others. */
void kms_site_check_closed(const struct kms_conf_node *block, const char *key,
                           struct kms_conf_errors *errors);
void kms_site_check_host_name(const struct kms_conf_node *block, struct kms_conf_errors *errors);
/* Critical may not come before warning. */
void kms_site_check_policy(const struct kms_conf_node *block, const struct kms_policy *policy,
                           struct kms_conf_errors *errors);

#endif
