/* The hours of a host as kmsmon shows them: series by key, as a plot in the terminal and as a
 * picture. */
#ifndef KMS_CHECKS_HISTORY_H
#define KMS_CHECKS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define KMS_HISTORY_SERIES_MAX 16
#define KMS_HISTORY_HOUR_S     3600

struct kms_history_point {
    int64_t hour_s;
    bool count_known, requests_known;
    int64_t last, low, high;
    int64_t clients, servers; /* that are required; 0: not known */
    int64_t requests, failed;
};

struct kms_history_series {
    char key[64];
    struct kms_history_point *point; /* ascending, at most one an hour */
    size_t count, cap;
};

struct kms_history {
    char host[300];
    int64_t from_s, to_s;
    struct kms_history_series series[KMS_HISTORY_SERIES_MAX];
    size_t count;
};

/* What lies between two times: the points in one column of a picture. */
struct kms_history_span {
    bool count_known, requests_known;
    int64_t last, low, high;
    int64_t requests, failed;
};
/* *at: where to begin to look; moves on. */
struct kms_history_span kms_history_between(const struct kms_history_series *series, int64_t from_s,
                                            int64_t to_s, size_t *at);
/* Thresholds in force last; 0: not known. */
void kms_history_required(const struct kms_history_series *series, int64_t *ret_clients,
                          int64_t *ret_servers);
/* A round number that is not below anything that is drawn. */
int64_t kms_history_top(const struct kms_history_series *series);
/* "count 26 (22 to 50), below 25 (clients) in 12 of 168 hours; 310 requests, 4 failed" */
void kms_history_words(const struct kms_history_series *series, char *dst, size_t size);
/* The least steps that leave no more than max marks between two times, at full hours or days. */
int64_t kms_history_tick(int64_t span_s, size_t max);
/* "20 Nov 14:00", "20 Nov", "Nov 2026" for steps of that length. */
void kms_history_date(int64_t at_s, int64_t step_s, char *dst, size_t size);

struct kms_history_style {
    size_t width; /* columns; 0: not limited */
    bool utf8;
};
enum kms_status kms_history_plot(const struct kms_history *history,
                                 const struct kms_history_style *style, struct kms_buf *out);
enum kms_status kms_history_svg(const struct kms_history *history, struct kms_buf *out);

#endif
