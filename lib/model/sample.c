/* Request counters of one key at one time. */
#include "model/sample.h"

#include "vocab/hostkey.h"

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

/* 0: of the moment in which it came. */
static int64_t time_of(const struct kms_result *result)
{
    if (result->source == KMS_SOURCE_WSMAN || result->data_s == 0) {
        return 0;
    }
    /* Bounded by the file or by now, the youngest time is the right one; bounded by nothing but the
     * widest zone, the data is old and the report's own clock is all there is. */
    bool bounded = result->data_s_max - result->data_s < ZONE_MAX_S;
    return bounded && result->data_s_max ? result->data_s_max : result->data_s;
}

bool kms_sample_of(const struct kms_result *result, const struct kms_facts *key,
                   const struct kms_now *now, struct kms_window_reading *ret)
{
    struct kms_window_reading reading = {
        .now = *now,
        .data_s = time_of(result),
        .fingerprint = result->fingerprint,
        /* A text that tells its own time is a new one when it differs; copied again it is not. */
        .by_file = !kms_facts_has(&result->host, KMS_FACT_TRUSTED_TIME),
        .application = kms_application_of(kms_facts_text(key, KMS_FACT_APPLICATION_ID)),
    };
    if (reading.data_s < 0 || !counter(key, KMS_FACT_TOTAL_REQUESTS, &reading.total) ||
        !counter(key, KMS_FACT_FAILED_REQUESTS, &reading.failed)) {
        return false;
    }
    *ret = reading;
    return true;
}
