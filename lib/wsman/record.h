/* A recording of a conversation, sanitised, that can be replayed and sent in.
 *
 * One file: a line "kmsmon-capture 1", lines of comment ("# ..."), then the exchanges in order:
 *     request LENGTH
 *     LENGTH bytes and a line's end
 *     answer STATUS LENGTH CONTENT-TYPE
 *     LENGTH bytes and a line's end
 * Bodies are as they were before sealing. Never in it: headers, so neither tokens nor passwords.
 * Masked, the same by the same: the names given to kms_recorder_mask; in XML the texts of
 * PartialProductKey and OfflineInstallationId (XXXXX), ClientMachineID (zeros), the last three
 * digits of the key's number in ProductKeyID, and attributes Machine. All else is byte for byte:
 * names of schemas, elements and attributes, and the query, are never looked at.
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
/* A name that must not be seen. It becomes KIND-1, KIND-2, ... wherever it stands between
 * characters that are neither letter nor digit, whatever its case, in XML's escapes too, numbers
 * included. Of a name with dots its first label is masked too, of DOMAIN\user and user@domain each
 * part, of a domain the domains above it. Left alone are names shorter than two characters,
 * numbers, labels of addresses, and the words of Microsoft's own names ("kms", "windows",
 * "server"): they identify nobody, and the recording would not mean the same without them.
 * KMS_ETOOBIG: longer than 256 bytes. */
enum kms_status kms_recorder_mask(struct kms_recorder *recorder, const char *kind,
                                  const char *name);
/* One exchange; status 0: there was no answer. What does not fit is left out, and the file says so.
 */
enum kms_status kms_recorder_add(struct kms_recorder *recorder, const void *request,
                                 size_t request_len, long status, const char *content_type,
                                 const void *answer, size_t answer_len);
/* Appends the whole file, sanitised as a whole with every name that is known by now. */
enum kms_status kms_recorder_write(const struct kms_recorder *recorder, struct kms_buf *ret);

#endif
