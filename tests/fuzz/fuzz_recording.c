/* Fuzz harness of recordings: any text is read or refused with a reason. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "model/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_recording recording;
    struct kms_fault fault = {.text = ""};

    if (kms_recording_read((const char *)bytes, len, false, &recording, &fault) != KMS_OK) {
        if (fault.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < recording.host_count; i++) {
        for (size_t k = 0; k < recording.host[i].told_count; k++) {
            kms_result_move(&recording.host[i].told[k].result, 1000);
        }
    }
    kms_recording_done(&recording);
    return 0;
}
