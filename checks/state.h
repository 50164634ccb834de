/* The plugins' memory between two runs: one small file with the request windows of one host's keys.
 */
#ifndef KMS_CHECKS_STATE_H
#define KMS_CHECKS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/result.h"
#include "model/window.h"

struct kms_windows;

/* Names the file in dir by host, report and user, so that two checks never share one by accident,
 * and reads it. Does not fail but for memory (NULL): what cannot be read or believed starts again,
 * and kms_windows_note says so. A symbolic link or a file of another user is not believed. dir
 * NULL: in memory only. */
struct kms_windows *kms_windows_open(const char *dir, const char *host, const char *report,
                                     unsigned user, const struct kms_now *now);
void kms_windows_free(struct kms_windows *windows);
/* Creates the folder and the one above it where they are missing, 0750. False when it is not there
 * afterwards. */
bool kms_windows_make_dir(const char *dir);

/* Adds the counters of every key of the result, which came now. False: out of memory. */
bool kms_windows_add(struct kms_windows *windows, const struct kms_result *result,
                     const struct kms_now *now, int64_t keep_s);
/* The window of a key by its identity, as struct kms_evidence wants it: arg is the struct
 * kms_windows. */
const struct kms_window *kms_windows_find(void *arg, const char *identity);
/* Writes the file when something changed. False when that failed; then the note says why. */
bool kms_windows_save(struct kms_windows *windows, const struct kms_now *now);

/* What an administrator should know about the file, one line; "" when all is well. */
const char *kms_windows_note(const struct kms_windows *windows);
const char *kms_windows_path(const struct kms_windows *windows);

#endif
