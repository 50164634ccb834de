/* Request counters over a trailing window: rates that a retry does not consume and a reset does not
 * fake. */
#ifndef KMS_MODEL_WINDOW_H
#define KMS_MODEL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KMS_WINDOW_SAMPLES \
    64 /* the oldest are merged: the window's edge gets coarser, never wrong */

struct kms_window_sample {
    int64_t at_s; /* when the counters had these values: result.data_s, else result.wall_s */
    uint64_t fingerprint;
    uint32_t total, failed;
};

/* A plain value; zeroed is empty. */
struct kms_window {
    struct kms_window_sample sample[KMS_WINDOW_SAMPLES]; /* ascending at_s */
    size_t count;
    int64_t discontinuity_s; /* when the counters last started again; 0: never seen */
};

/* Adds a sample. Unchanged data (same fingerprint, or same time) is no new sample. A total or
 * failed below the last one is a counter reset: the window starts again with this sample and
 * discontinuity_s is set. */
void kms_window_add(struct kms_window *window, const struct kms_window_sample *sample,
                    int64_t keep_s);

struct kms_window_view {
    bool known;             /* two samples at least, so that something can be said */
    int64_t span_s;         /* between the samples compared */
    uint32_t total, failed; /* increase over the span */
    uint32_t failed_per_hour;
    uint32_t failed_permille; /* of the requests in the span; 0 when there were none */
};

/* The increase between the youngest sample and the last one at or before the window's far edge, so
 * that nothing inside the window is forgotten; the oldest sample when none lies that far back. */
struct kms_window_view kms_window_look(const struct kms_window *window, int64_t window_s);

#endif
