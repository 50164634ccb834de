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
    int64_t now_s;  /* 0: not known */
    bool is_past;   /* nobody watches the host any more */
    int64_t last_s; /* its last hour then */
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
/* "count 26 (22 to 50), below 25 (clients) in 12 of 165 hours; 310 requests, 4 failed; nothing is
 * known of 3 hours" */
void kms_history_words(const struct kms_history *history, const struct kms_history_series *series,
                       char *dst, size_t size);
/* "kms01 is not watched any more; its last hour is 20 Nov 2026 14:00 CET"; "" when it is watched.
 */
void kms_history_past(const struct kms_history *history, char *dst, size_t size);
/* Whether the hour that goes on is within it, and may become more. */
bool kms_history_has_now(const struct kms_history *history);

/* Times are those of the zone of the process. */
/* The least steps that leave no more than max marks between two times, at full hours or days. */
int64_t kms_history_step(int64_t span_s, size_t max);
/* The first mark at or after a time: a full hour, a midnight, a Monday. */
int64_t kms_history_mark(int64_t at_s, int64_t step_s);
/* "14:12" */
void kms_history_clock(int64_t at_s, char *dst, size_t size);
/* "CET"; "CEST, CET" where summer time ends between. */
void kms_history_zone(const struct kms_history *history, char *dst, size_t size);
/* "20 Nov 14:00", "20 Nov", "20 Nov 2026" for steps of that length. */
void kms_history_date(int64_t at_s, int64_t step_s, char *dst, size_t size);

struct kms_history_style {
    size_t width; /* columns; 0: not limited */
    bool utf8;
};
enum kms_status kms_history_plot(const struct kms_history *history,
                                 const struct kms_history_style *style, struct kms_buf *out);
enum kms_status kms_history_svg(const struct kms_history *history, struct kms_buf *out);

#endif
