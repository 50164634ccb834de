/* The probe of source activation: asks a KMS host for an activation as a client does, no more often
 * than its memory of the host allows, and tells the count. */
#ifndef KMS_RPC_ACTIVATION_H
#define KMS_RPC_ACTIVATION_H

#include "probe/probe.h"

/* struct kms_answer's hints are bits of enum kms_hint: what the wire shows and the memory does not
 * hold. kms_memory_result adds those that it does. */

/* Of the bind_ack of every known emulator written in Python; Windows counts its groups. */
#define KMS_ASSOCIATION_EMULATED UINT32_C(0x1063BF3F)

/* How long the connection is watched after an answer. A genuine host leaves it open until the
 * client closes it or has been silent for about half a minute; a host that serves one call closes
 * it behind the answer, so the end comes with it or, where a packet was lost, not in time: then
 * nothing is said against that host. The wait is left out of duration_us. */
#define KMS_ACTIVATION_CLOSE_WAIT_MS 300

/* Needs loop, worker, state_dir, and a resolver for hosts that are names; the result is
 * kms_memory_result's, and RPC_ADDRESS where a request was sent. A poll that comes too early sends
 * nothing and tells what is remembered: data_s says of when. A run that is cancelled or late keeps
 * what is known in the memory, beside the loop. */
const struct kms_probe_type *kms_activation_probe(void);

#endif
