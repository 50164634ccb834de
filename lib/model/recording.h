/* A recording: watched hosts with what their sources told, and when. The daemon hands it to plugins
 * and dumps it, and plays it again. */
#ifndef KMS_MODEL_RECORDING_H
#define KMS_MODEL_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "model/board.h"
#include "model/result.h"
#include "model/target.h"

#define KMS_RECORDING_AT_MAX_MS INT64_C(31536000000) /* of a course: a year */

struct kms_told {
    int64_t at_ms; /* since the course began */
    struct kms_result result;
};

/* A request window of one of its keys. */
struct kms_recorded_window {
    char *identity; /* of the key */
    char *text;     /* as kms_window_write writes it */
};

struct kms_recorded_host {
    struct kms_target target;
    struct kms_tally tally[KMS_SOURCE_MAX + 1];
    struct kms_told *told; /* in the order of the text; at_ms never goes back */
    size_t told_count;
    struct kms_recorded_window *window;
    size_t window_count;
    int64_t repeat_ms; /* the course begins again this long after it began; 0: it ends */
};

struct kms_recording {
    struct kms_recorded_host *host;
    size_t host_count;
};

/* Appends a host as it is on the board: its last results, and the last good ones before them. The
 * lines are
 *
 *   host "kms1.example.com"                 begins a host
 *   address "192.0.2.1"                     each of these only where it is given
 *   port 1688
 *   origin discovered                       else configured
 *   classes windowsClient windowsServer
 *   publish-in "example.com"
 *   source report interval 1h max-age 26h   for every source that is asked
 *   tally report 12 1 0 1764000000 1764000000   attempts, failures, failures in a row, last
 * attempt, last success at 30s                                  what follows is told from then on;
 * written by people result report ok                        as in model/result_text.h
 *   ...
 *   end
 *   window "IDENTITY"                       a key's request window, as kms_window_write writes it;
 * only
 *   ...                                     in what plugins are told
 *   end
 *   repeat 1h                               the course begins again; written by people
 */
enum kms_status kms_recording_write(const struct kms_snapshot *snapshot, struct kms_buf *buf);

/* The same in pieces: what comes before the results, and each result, in this order; NULL: there is
 * none of this number. */
#define KMS_RECORDING_RESULTS ((size_t)2 * KMS_SOURCE_MAX)
enum kms_status kms_recording_write_host(const struct kms_snapshot *snapshot, struct kms_buf *buf);
const struct kms_result *kms_recording_result(const struct kms_snapshot *snapshot, size_t number);
/* The line before a window, whose text is written with this in the place of the machine's boot: it
 * is read at the same moment of the same clock. */
#define KMS_RECORDING_BOOT "told"
enum kms_status kms_recording_write_window(const char *identity, struct kms_buf *buf);

/* Reads a whole text. A source that tells something is enabled without a line of its own. strict:
 * for what people write, see kms_result_text_read_strictly; a report of theirs without max-age has
 * the limit that a configuration gives it, and what a program wrote without has none. On failure
 * the fault names the line, and nothing is returned. */
enum kms_status kms_recording_read(const char *text, size_t len, bool strict,
                                   struct kms_recording *ret, struct kms_fault *fault);
void kms_recording_done(struct kms_recording *recording);

/* Moves all times of the facts and of the data by so many seconds; those that are not known stay
 * so. */
void kms_result_move(struct kms_result *result, int64_t by_s);

#endif
