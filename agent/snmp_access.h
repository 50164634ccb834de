/* Who may read from the agent's own port: communities of SNMP v1 and v2c, users of SNMPv3, one
 * view, and nobody writes. */
#ifndef KMS_AGENT_SNMP_ACCESS_H
#define KMS_AGENT_SNMP_ACCESS_H

#include "base/status.h"

struct kms_site_snmp;

/* Before Net-SNMP is initialised: what may be seen, and how it must be asked for. */
void kms_snmp_access_prepare(void);
/* After Net-SNMP was initialised, since keys belong to the engine id. Reads the files with secrets
 * and wipes what it read. The fault never holds a part of a secret. */
enum kms_status kms_snmp_access_allow(const struct kms_site_snmp *snmp, struct kms_fault *fault);

#endif
