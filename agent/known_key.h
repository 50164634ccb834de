/* What other sources than the wire tell of a host's key, so that an activation request asks for
 * what the key serves. */
#ifndef KMS_AGENT_KNOWN_KEY_H
#define KMS_AGENT_KNOWN_KEY_H

#include "probe/probe.h"

/* For struct kms_env; board is a struct kms_board that the target is of. A licensed key of Windows
 * before any other; "" for a host of which no source that is not stale tells a key. */
void kms_known_key_of(void *board, const struct kms_target *target, struct kms_known_key *ret);

#endif
