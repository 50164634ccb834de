/* When a report's facts were true, from its own time, its file's time and the monitor's clock:
 * pure. */
#ifndef KMS_REPORT_AGE_H
#define KMS_REPORT_AGE_H

#include <stdbool.h>
#include <stdint.h>

/* Times in seconds since 1970. own is the host's local time without a zone, read as if it were UTC.
 */
struct kms_age_evidence {
    bool own_known, file_known;
    int64_t own_s, file_s;
    int64_t now_s;
};

/* As in struct kms_result: min <= best <= max, all 0 when nothing is known. */
struct kms_age {
    int64_t best_s, min_s, max_s;
};

struct kms_age kms_age_of(const struct kms_age_evidence *evidence);

#endif
