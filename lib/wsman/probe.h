/* The probe of source wsman: the four queries, one after the other, as one result. */
#ifndef KMS_WSMAN_PROBE_H
#define KMS_WSMAN_PROBE_H

#include "probe/probe.h"

/* The target needs credentials (KMS_OUTCOME_WSMAN_NO_CREDENTIALS otherwise) and must be configured:
 * a discovered host is refused, since a forged record must not harvest a login. A refused
 * Win32_Service (rights that are seldom granted) leaves the service's state unknown and nothing
 * else. */
const struct kms_probe_type *kms_wsman_probe(void);

#endif
