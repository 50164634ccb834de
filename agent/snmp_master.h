/* Net-SNMP's own master role: the agent's own port, with no snmpd. */
#ifndef KMS_AGENT_SNMP_MASTER_H
#define KMS_AGENT_SNMP_MASTER_H

#include "base/status.h"

struct kms_site_snmp;

/* Before Net-SNMP is initialised: the engine's id and its count of starts, kept in state_dir. */
enum kms_status kms_snmp_master_prepare(const char *state_dir, struct kms_fault *fault);
/* After it: lets in whom snmp says, then listens at every address of it. The fault names the
 * address or the file that is wrong. */
enum kms_status kms_snmp_master_open(const struct kms_site_snmp *snmp, struct kms_fault *fault);
/* Before Net-SNMP's shutdown; also after a failure. */
void kms_snmp_master_close(void);

#endif
