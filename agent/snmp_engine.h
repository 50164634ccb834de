/* Who the agent is to SNMPv3 managers: an engine id that stays, and a count of starts that grows
 * (RFC 3414, section 2.2). */
#ifndef KMS_AGENT_SNMP_ENGINE_H
#define KMS_AGENT_SNMP_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define KMS_SNMP_ENGINE_ID_MAX 32

struct kms_snmp_engine {
    uint8_t id[KMS_SNMP_ENGINE_ID_MAX];
    size_t id_len;
    int64_t boots; /* this start included; at most 2147483646 */
};

/* Reads the file snmp-engine of the state folder, or makes an id when there is none, and writes the
 * file with one start more before it returns. A file that cannot be understood is refused: to
 * start over would shut out every manager that remembers the count. */
enum kms_status kms_snmp_engine_start(const char *state_dir, struct kms_snmp_engine *ret,
                                      struct kms_fault *fault);

#endif
