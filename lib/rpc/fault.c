/* Statuses that a fault to the bind or to the call was seen or is said to have. */
#include "rpc/fault.h"

#include <stddef.h>

#include "base/text.h"

const char *kms_fault_status_text(uint32_t status)
{
    /* [C706] appendix E, [MS-ERREF] 2.2 and 2.3 */
    static const struct {
        uint32_t status;
        const char *text;
    } texts[] = {
        {0x00000005, "access denied"},
        {0x000006D8, "cannot be performed"},
        {0x000006F7, "bad stub data"},
        {0x00000721, "security package error"},
        {0x1C000009, "rejected, reason not specified"},
        {0x1C00001A, "context mismatch"},
        {0x1C00001B, "the host is out of memory"},
        {0x1C00001C, "invalid presentation context"},
        {0x1C010002, "operation out of range"},
        {KMS_FAULT_UNKNOWN_INTERFACE, "unknown interface"},
        {0x1C01000B, "protocol error"},
        {0x1C010013, "answer too big"},
        {0x1C010014, "server too busy"},
        {0x1C010017, "unsupported type"},
        {0xC0000022, "access denied"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(texts); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return NULL;
}
