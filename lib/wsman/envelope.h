/* Writes WS-Management requests, without I/O: message ids and times are the caller's.
 * DSP0226 1.0; order and headers as WinRM's own clients send them (specification wsman 2.2, 2.3).
 */
#ifndef KMS_WSMAN_ENVELOPE_H
#define KMS_WSMAN_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/guid.h"

#define KMS_WSMAN_CONTENT_TYPE "application/soap+xml;charset=UTF-8"
#define KMS_WSMAN_CIMV2_ALL    "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*"

struct kms_wsman_address {
    const char *to; /* the url */
    const char *resource_uri;
    struct kms_guid message_id;
    int64_t operation_timeout_ms; /* what the host may take; w:OperationTimeout */
    uint32_t envelope_max;        /* bytes that the host may send in one message */
};

/* Each appends a whole message or nothing. KMS_ENOMEM, KMS_ETOOBIG; KMS_EINVAL: a text that is not
 * UTF-8 or has control characters (only the query may have tabs and ends of lines), or no time. */
enum kms_status kms_wsman_write_identify(struct kms_buf *buf);
/* max_elements 0: as many as fit (32000, since WS-Enumeration means one when nothing is said).
 * Every character of wql is escaped where XML demands it. */
enum kms_status kms_wsman_write_enumerate(const struct kms_wsman_address *address, const char *wql,
                                          uint32_t max_elements, struct kms_buf *buf);
enum kms_status kms_wsman_write_pull(const struct kms_wsman_address *address, const char *context,
                                     uint32_t max_elements, struct kms_buf *buf);
enum kms_status kms_wsman_write_release(const struct kms_wsman_address *address,
                                        const char *context, struct kms_buf *buf);
/* "uuid:11111111-2222-4333-8444-555555555555": what RelatesTo must say. */
#define KMS_WSMAN_MESSAGE_ID_SIZE 42
void kms_wsman_message_id(const struct kms_guid *id, char dst[KMS_WSMAN_MESSAGE_ID_SIZE]);

#endif
