/* Fuzz harness of the extended product id: what it says lies within what its digits can say. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "vocab/hostkey.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[256];
    struct kms_epid epid;
    struct kms_key_kind kind;
    size_t size = len < sizeof text ? len : sizeof text - 1;
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    if (kms_epid_parse(text, &epid)) {
        require(epid.platform <= 99999 && epid.group <= 99999 && epid.key_id <= 999999999);
        require(!epid.has_date || (epid.day <= 366 && epid.year <= 9999));
        struct kms_epid_explained of;
        char line[KMS_EPID_LINES][KMS_EPID_LINE];
        require(kms_epid_explain(text, &of));
        require(of.epid.has_date == (of.month >= 1 && of.month <= 12 && of.day >= 1));
        size_t count = kms_epid_lines(&of, line);
        require(count >= 2 && count <= KMS_EPID_LINES);
        for (size_t i = 0; i < count; i++) {
            require(strlen(line[i]) < KMS_EPID_LINE - 1);
        }
    }
    (void)kms_key_kind_of(KMS_APPLICATION_WINDOWS, NULL, text, &kind);
    return 0;
}
