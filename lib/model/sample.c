/* Request counters of one key at one time. */
#include "model/sample.h"

#define ZONE_MAX_S (INT64_C(14) * 3600)

static bool counter(const struct kms_facts *key, enum kms_fact_id id, uint32_t *ret)
{
    int64_t value;
    if (!kms_facts_number(key, id, &value) || value < 0 || value > UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static int64_t time_of(const struct kms_result *result)
{
    if (result->data_s == 0) {
        return result->wall_s;
    }
    /* Bounded by the file or by now, the youngest time is the right one; bounded by nothing but the
     * widest zone, the data is old and the report's own clock is all there is. */
    bool bounded = result->data_s_max - result->data_s < ZONE_MAX_S;
    return bounded && result->data_s_max ? result->data_s_max : result->data_s;
}

bool kms_sample_of(const struct kms_result *result, const struct kms_facts *key,
                   struct kms_window_sample *ret)
{
    struct kms_window_sample sample = {
        .at_s = time_of(result),
        .fingerprint = result->fingerprint,
    };
    if (sample.at_s < 0 || !counter(key, KMS_FACT_TOTAL_REQUESTS, &sample.total) ||
        !counter(key, KMS_FACT_FAILED_REQUESTS, &sample.failed)) {
        return false;
    }
    *ret = sample;
    return true;
}
