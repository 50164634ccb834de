/* Turns headroom back into ranges. */
#include "limits.h"

void kms_count_limits(const struct kms_judgement *judgement, bool declared, size_t key,
                      int64_t count, struct kms_perf *perf)
{
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &judgement->cls[c];
        bool serves = cls->present && cls->key == (int)key;
        double required;
        if (!serves || !cls->headroom_known || (declared && !cls->wanted) ||
            cls->verdict == KMS_VERDICT_UNUSED) {
            continue;
        }
        required = (double)(count - cls->headroom);
        if (!perf->warning.given || required + 1 > perf->warning.start) {
            perf->warning = kms_range_at_least(required + 1);
        }
        if (cls->wanted && (!perf->critical.given || required > perf->critical.start)) {
            perf->critical = kms_range_at_least(required);
        }
    }
}
