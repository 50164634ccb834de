/* The source "rpc": TCP connect and DCE/RPC bind to the KMS interface, then close. No activation
 * request: the host's count does not change. Where the target wants it (ndr64) a second connection
 * to the same address follows an accepted bind, with a bind that offers NDR64 alone: what comes of
 * it is the fact NDR64 and a part of the detail, and never the outcome. */
#ifndef KMS_RPC_PROBE_H
#define KMS_RPC_PROBE_H

#include "probe/probe.h"

/* Needs the resolver where the target's address is a name. */
const struct kms_probe_type *kms_rpc_probe(void);

/* What its result is like when the port does this; INTERNAL for UNKNOWN. */
enum kms_outcome kms_rpc_outcome_of(enum kms_rpc_state state);

#endif
