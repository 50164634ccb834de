/* A recording of a conversation, sanitised, that can be replayed and sent in.
 *
 * One text file: exchanges in order, each with the request and the answer (status, content type,
 * body, decrypted). Never in it: headers of authentication, tokens, passwords. Masked, each by the
 * same substitute wherever it occurs: host, user and domain names, machine ids (CMID), partial
 * product keys, extended PIDs' installation part, message ids. Everything else stays byte for byte.
 */
#ifndef KMS_WSMAN_RECORD_H
#define KMS_WSMAN_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct kms_recorder;

/* size_max: bytes of the file. NULL: out of memory. */
struct kms_recorder *kms_recorder_new(size_t size_max);
void kms_recorder_free(struct kms_recorder *recorder);
/* A name that must not be seen: it becomes "host-1", "user-1", ... in everything recorded, whatever
 * its case; the short form of a name with dots too. */
enum kms_status kms_recorder_mask(struct kms_recorder *recorder, const char *kind,
                                  const char *secret);
/* One exchange. What does not fit is left out, and the file says so. */
enum kms_status kms_recorder_add(struct kms_recorder *recorder, const void *request,
                                 size_t request_len, long status, const char *content_type,
                                 const void *answer, size_t answer_len);
/* The whole file, sanitised as a whole. */
enum kms_status kms_recorder_write(const struct kms_recorder *recorder, struct kms_buf *ret);

#endif
