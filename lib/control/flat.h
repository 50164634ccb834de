/* Single members of a JSON object on one line, read and written without making a tree: for programs
 * that start often. */
#ifndef KMS_CONTROL_FLAT_H
#define KMS_CONTROL_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define KMS_FLAT_DEPTH_MAX 32

/* The members at the top of the object that the bytes are, and nothing else but blanks. KMS_OK: the
 * member is there and has this type; of several of a name the first counts. KMS_ENOTFOUND: it is
 * not there, or of another type; KMS_ESYNTAX: this is no JSON object, or is deeper than
 * KMS_FLAT_DEPTH_MAX; KMS_ETOOBIG and KMS_ENOMEM are those of buf. */
enum kms_status kms_flat_text(const char *json, size_t len, const char *name, struct kms_buf *buf);
enum kms_status kms_flat_number(const char *json, size_t len, const char *name, int64_t *ret);
enum kms_status kms_flat_flag(const char *json, size_t len, const char *name, bool *ret);

/* Appends text in quotes. Bytes that are no UTF-8 become U+FFFD. */
enum kms_status kms_flat_quote(struct kms_buf *buf, const char *text);

#endif
