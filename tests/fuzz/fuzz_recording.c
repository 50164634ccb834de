/* Fuzz harness of recordings: any text is read or refused with a reason, and a domain that is read
 * is written so that it reads back to the same. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "fuzz/fuzz.h"
#include "model/recording.h"

#define TEXT_MAX ((size_t)8 << 20)

static char *write_domain(const struct kms_recorded_domain *domain)
{
    struct kms_buf buf;
    kms_buf_init(&buf, TEXT_MAX);
    if (kms_recording_write_domain(domain, &buf) != KMS_OK) {
        abort();
    }
    char *text = kms_buf_take(&buf);
    if (!text) {
        abort();
    }
    return text;
}

static void read_back(const struct kms_recorded_domain *domain)
{
    struct kms_recording recording;
    char *text = write_domain(domain);
    if (kms_recording_read(text, strlen(text), true, &recording, NULL) != KMS_OK ||
        recording.domain_count != 1) {
        abort();
    }
    char *again = write_domain(&recording.domain[0]);
    if (!kms_text_equal(text, again)) {
        abort();
    }
    free(again);
    free(text);
    kms_recording_done(&recording);
}

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
    for (size_t i = 0; i < recording.domain_count; i++) {
        read_back(&recording.domain[i]);
    }
    kms_recording_done(&recording);
    return 0;
}
