/* A result as text that people can read and edit, and that reads back to the same result: what the
 * store keeps, what the control socket hands to the plugins, what is dumped and what is played
 * again. */
#ifndef KMS_MODEL_RESULT_TEXT_H
#define KMS_MODEL_RESULT_TEXT_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "model/result.h"

/* Of one result. A longer one is neither written nor read. */
#define KMS_RESULT_TEXT_MAX ((size_t)256 << 10)

/* Appends the lines of one result, or nothing. Words are the labels and tokens of lib/vocab:
 *
 *   result wsman wsman-ok              source and token of the outcome; always first
 *   wall 1764000000                    wall_s; zeros and empty texts have no line
 *   data 1764000000 MIN MAX            data_s, data_s_min, data_s_max
 *   duration 1234                      microseconds; waited likewise
 *   fingerprint 0123456789abcdef
 *   detail "one line"
 *   host-fact rpc-latency 1234         numbers as numbers, times as seconds since 1970, words by
 *                                      their labels, yes or no, 0xC004F06C, texts in quotes
 *   key                                begins the next key
 *   fact current-count 26
 *   note 0 "label" "value"             about key 0; -1: about the host
 *   end
 *
 * It is UTF-8. In quotes \" and \\ stand for " and \; control characters and what is no UTF-8 are
 * written as ?, as kms_text_clean does it. A number that its fact cannot have has no line. */
enum kms_status kms_result_text_write(const struct kms_result *result, struct kms_buf *buf);

/* Reads one result from the start of text; *ret_used is what of it was read, the line of "end"
 * included, so that several may follow each other. Empty lines and lines that begin with # are left
 * out, blanks around a line too. A fact that this release does not know is left out; anything else
 * that is wrong is KMS_EINVAL, more than KMS_RESULT_TEXT_MAX without an end KMS_ETOOBIG, and the
 * fault names the line within text, from 1. ret is the caller's to free with kms_result_done. */
enum kms_status kms_result_text_read(const char *text, size_t len, struct kms_result *ret,
                                     size_t *ret_used, struct kms_fault *fault);

/* The same for what people write: a fact that this release does not know is a mistake. */
enum kms_status kms_result_text_read_strictly(const char *text, size_t len, struct kms_result *ret,
                                              size_t *ret_used, struct kms_fault *fault);

#endif
