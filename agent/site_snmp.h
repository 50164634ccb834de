/* The block snmp: where the agent's own port listens, and who may read there. */
#ifndef KMS_AGENT_SITE_SNMP_H
#define KMS_AGENT_SITE_SNMP_H

#include <stdbool.h>

#include "agent/site.h"

/* block NULL: the defaults alone. The files with secrets are looked at, and not kept. */
void kms_site_read_snmp(const struct kms_conf_node *block, struct kms_site_snmp *snmp,
                        struct kms_conf_errors *errors);
void kms_site_snmp_done(struct kms_site_snmp *snmp);

#define KMS_SITE_LISTEN_ALLOWED \
    "udp:IPV4:PORT, udp6:[IPV6]:PORT, tcp:IPV4:PORT, tcp6:[IPV6]:PORT, unix:/PATH"

/* Whether the agent can listen there; text need not come from the configuration. */
bool kms_site_is_listen(const char *text);

/* Without the community. */
enum kms_status kms_site_print_snmp(const struct kms_site_snmp *snmp, struct kms_buf *buf);
enum kms_status kms_site_snmp_keys(struct kms_buf *buf);

#endif
