/* Bind probes of what records lead to and no rpc source watches: one for each target and port, once
 * an interval, few at a time. A bind and nothing else, since records may be forged. */
#ifndef KMS_AGENT_STRANGERS_H
#define KMS_AGENT_STRANGERS_H

#include <stdint.h>

#include "model/zone.h"
#include "probe/probe.h"

#define KMS_STRANGERS_MAX           8192 /* more have no probe, and stay unknown */
#define KMS_STRANGERS_IN_FLIGHT_MAX 32
#define KMS_STRANGERS_GAP_MS        20 /* between the starts of two probes */

struct kms_strangers_config {
    struct kms_env *env;
    const struct kms_probe_type *bind;
    const struct kms_zones *zones;
    int64_t interval_ms, timeout_ms;
    /* The records are worth something else now; not from inside a call to the strangers. */
    void (*changed)(void *arg);
    void *arg;
};

struct kms_strangers;

/* What config points to must live until kms_strangers_free. NULL: out of memory. */
struct kms_strangers *kms_strangers_new(const struct kms_strangers_config *config);
/* Cancels what runs. NULL is fine. Not from inside changed. */
void kms_strangers_free(struct kms_strangers *strangers);

/* Another interval, in force at once, and another time limit, from the next probes of each on. */
void kms_strangers_set_times(struct kms_strangers *strangers, int64_t interval_ms,
                             int64_t timeout_ms);

/* Records came or went: taken in on one of the next turns of the loop, once for many such calls. */
void kms_strangers_poke(struct kms_strangers *strangers);

/* What the last probe met: a kms_zone_stranger_fn, arg is a struct kms_strangers. */
enum kms_rpc_state kms_strangers_state(void *arg, const struct kms_zone_record *record);

#endif
