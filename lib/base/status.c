/* Names for statuses and the one way to fill a fault. */
#include "base/status.h"

#include <stdarg.h>

#include "base/text.h"

const char *kms_status_text(enum kms_status status)
{
    static const char *const text[] = {
        [KMS_OK] = "ok",
        [KMS_ENOMEM] = "out of memory",
        [KMS_EINVAL] = "value not allowed",
        [KMS_ESYNTAX] = "syntax error",
        [KMS_ETOOBIG] = "too big",
        [KMS_EIO] = "input/output error",
        [KMS_ENOTFOUND] = "not found",
        [KMS_EBUSY] = "busy",
        [KMS_EFULL] = "no space left",
        [KMS_EDENIED] = "not permitted",
    };
    size_t at = (size_t)status;
    return at < sizeof text / sizeof text[0] ? text[at] : "unknown status";
}

enum kms_status kms_fault_set(struct kms_fault *fault, enum kms_status status, size_t offset,
                              const char *format, ...)
{
    if (!fault) {
        return status;
    }
    va_list args;
    va_start(args, format);
    kms_text_vformat(fault->text, sizeof fault->text, format, args);
    va_end(args);
    fault->offset = offset;
    return status;
}
