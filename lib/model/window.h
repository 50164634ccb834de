/* Request counters over a trailing window: rates that a retry does not consume, a reset does not
 * fake and no clock that is set can make absurd. */
#ifndef KMS_MODEL_WINDOW_H
#define KMS_MODEL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "vocab/vocab.h"

#define KMS_WINDOW_SAMPLES \
    64 /* the oldest are merged: the window's edge gets coarser, never wrong */
/* A shorter span is too short to speak of an hour. */
#define KMS_WINDOW_RATE_SPAN_S 60
/* More than a host can have been asked: so many at once, and so many more each second. Beyond that
 * counters that grew are other counters. */
#define KMS_WINDOW_BURST      100000
#define KMS_WINDOW_PER_S      1000
#define KMS_WINDOW_WRAP_MAX   (UINT32_C(1) << 28)
#define KMS_WINDOW_TEXT_LIMIT ((size_t)8192) /* no window is longer as text */

/* What a source told at one time. */
struct kms_window_reading {
    struct kms_now now;   /* when it came */
    int64_t data_s;       /* wall clock for which it was told to be true; 0: it is of this moment */
    uint64_t fingerprint; /* of the text; 0: not applicable */
    bool by_file;         /* data_s is the file's: the same text at a later time was made anew */
    uint32_t total, failed;
    enum kms_application application;
};

struct kms_window_sample {
    int64_t at_s; /* on an axis of the window's own: only differences mean anything */
    uint32_t total, failed;
};

/* A plain value that owns its samples; zeroed is empty. */
struct kms_window {
    struct kms_window_sample *sample; /* ascending at_s */
    size_t count, cap;
    int64_t discontinuity_s; /* wall clock, when the counters last started again; 0: never seen */
    enum kms_application application;
    /* Of the last sample: when it came, how old it was then, and as it was told. */
    struct kms_now arrived;
    int64_t age_s, data_s;
    uint64_t fingerprint;
    bool adrift; /* how long ago the last sample was is not known */
    /* Idle time, on the axis of the samples. */
    bool grown;       /* a client other than ourselves was seen to be counted */
    int64_t grown_s;  /* at the latest */
    int64_t since_s;  /* the first sample: before it nobody looked */
    uint32_t own;     /* requests of ours that no sample shows yet */
    int64_t own_s;    /* the last of them, steady */
    int64_t own_wall; /* as it was told; 0: none */
    /* Less, and older, than the last sample: an older report, unless another one follows it. */
    struct {
        bool is;
        int64_t data_s;
        uint64_t fingerprint;
        uint32_t total, failed;
    } odd;
    bool changed; /* since somebody cleared this */
};

void kms_window_done(struct kms_window *window);
enum kms_status kms_window_copy(struct kms_window *ret, const struct kms_window *from);

/* Adds what a source told. Unchanged data (same fingerprint, or of this moment and within the same
 * second) is no new sample.
 *
 * Time: what is of this moment lies as far behind the sample before as the steady clock went on,
 * whatever the wall clock did. What was told to be true at some time lies as far behind as that
 * time went on, but not less far than the steady clock did between the two arrivals (the host's
 * clock was set back, or the report came late), and not farther than that and the age of the sample
 * before (it was set forward). So a span is never negative nor shorter than it can have been.
 *
 * Counters: a total or failed below the last one is a reset, and so is a growth that no host is
 * capable of (KMS_WINDOW_BURST and KMS_WINDOW_PER_S): the window starts again with this sample and
 * discontinuity_s is set. It is no reset when the counter ran over 2^32: when, counted on from
 * there, it grew by what a host is capable of in that span, and by no more than
 * KMS_WINDOW_WRAP_MAX. Less that is told to be older than the last sample is a report that was
 * put back, and no sample, unless what follows it goes on from there: then it was a reset.
 *
 * KMS_ENOMEM changes nothing. */
enum kms_status kms_window_add(struct kms_window *window, const struct kms_window_reading *reading,
                               int64_t keep_s);
/* A request of our own was counted by the host, or may have been, at that time of the wall clock:
 * one more in the total is no client. Told again, it is the same. */
void kms_window_own(struct kms_window *window, const struct kms_now *now, int64_t asked_s);

struct kms_window_view {
    bool known;             /* two samples at least, so that something can be said */
    int64_t span_s;         /* between the samples compared */
    uint32_t total, failed; /* increase over the span */
    bool rate_known;        /* the span is long enough to be an hour's measure */
    uint32_t total_per_hour, failed_per_hour;
    uint32_t failed_permille; /* of the requests in the span; 0 when there were none */
};

/* The increase between the youngest sample and the last one at or before the window's far edge, so
 * that nothing inside the window is forgotten; the oldest sample when none lies that far back. */
struct kms_window_view kms_window_look(const struct kms_window *window, int64_t window_s);

/* For how long no client was counted when the last sample was true; requests of our own are none.
 */
struct kms_window_idle {
    bool grown;        /* a client was seen to be counted */
    int64_t idle_s;    /* since the sample that showed it */
    int64_t watched_s; /* since the first sample: nobody looked before */
};
/* False: there is no sample. */
bool kms_window_idle(const struct kms_window *window, struct kms_window_idle *ret);

/* Appends the window as lines, the last of which is "end". boot: kms_clock_boot, "" when not known.
 * The text is read back by a later process, also after another start of the machine: how long ago
 * it was written is told by the steady clock within one boot, else by the wall clock; when that ran
 * back, or a month ahead, the window starts again with its next sample. */
enum kms_status kms_window_write(const struct kms_window *window, const struct kms_now *now,
                                 const char *boot, struct kms_buf *buf);
/* Reads one window from the start of text; *ret_used is what of it was read. KMS_EINVAL: the fault
 * names the line within the text. ret is the caller's to free. */
enum kms_status kms_window_read(const char *text, size_t len, const struct kms_now *now,
                                const char *boot, struct kms_window *ret, size_t *ret_used,
                                struct kms_fault *fault);

#endif
