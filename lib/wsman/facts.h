/* Rows of the four queries as facts of the host and its keys, without I/O.
 *
 * A row is a host key when its description names a channel VOLUME_KMS that is not VOLUME_KMSCLIENT
 * (as slmgr.vbs decides). What a version of Windows does not know is absent, not zero; on 6.0 the
 * counters of the service become those of the sole host key.
 */
#ifndef KMS_WSMAN_FACTS_H
#define KMS_WSMAN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocab/facts.h"
#include "vocab/vocab.h"
#include "wsman/query.h"
#include "wsman/row.h"

#define KMS_WSMAN_KEYS_MAX 32

/* Zero it first. */
struct kms_wsman_facts {
    enum kms_wsman_tier tier; /* as kms_wsman_take(KMS_WSMAN_Q_SYSTEM) found it */
    struct kms_facts host;
    struct kms_facts *key;
    size_t key_count;
    bool service_seen;               /* a row of SoftwareLicensingService */
    bool host_known;                 /* IsKeyManagementServiceMachine was said, there or in a row */
    bool is_host;                    /* it was 1 in one of them */
    size_t products;                 /* rows of products with a key, client keys included */
    struct kms_facts service_counts; /* of SoftwareLicensingService, until kms_wsman_settle */
    char malformed[64];              /* name of the first property that could not be read; "" */
};

void kms_wsman_facts_done(struct kms_wsman_facts *facts);
/* One row. now_s is the monitor's wall clock when the answer came: the host's own clock is compared
 * with it. Properties that cannot be read leave their fact absent. KMS_ENOMEM, KMS_ETOOBIG (more
 * keys than KMS_WSMAN_KEYS_MAX). */
enum kms_status kms_wsman_take(struct kms_wsman_facts *facts, enum kms_wsman_query query,
                               const struct kms_wsman_row *row, int64_t now_s);
/* The host's clock by another way, such as the header Date of its answer: counts only where
 * Win32_OperatingSystem did not say it. host_s 0: not known. */
enum kms_status kms_wsman_take_date(struct kms_wsman_facts *facts, int64_t host_s, int64_t now_s);
/* After the last row: OK, or WSMAN_NOT_A_HOST, WSMAN_NO_CLASS (no row of the service),
 * WSMAN_NO_KEY (a host without a host key), NO_MEMORY.
 * A host key that is not activated makes a host, although Windows does not call it one yet. What
 * the service says of its port, publishing and priority is only kept where it is a host: other
 * machines show the defaults there. The state of the service of a machine that is none is dropped,
 * too: it is stopped there as a rule. */
enum kms_outcome kms_wsman_settle(struct kms_wsman_facts *facts);

#endif
