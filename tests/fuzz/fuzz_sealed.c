/* Fuzz harness of the frame of sealed messages: what is read lies inside of the body, and written
 * again it reads the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "wsman/binding.h"
#include "wsman/sealed.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void write_and_read(const struct kms_sealed *sealed)
{
    struct kms_buf buf;
    struct kms_sealed again;
    size_t header_len = sealed->token_len - sealed->plain_len;
    kms_buf_init(&buf, sealed->token_len + 4096);
    const char *token = sealed->token;
    require(kms_sealed_write(sealed->plain_len, token, header_len, token + header_len,
                             sealed->plain_len, &buf) == KMS_OK);
    require(kms_sealed_read(buf.data, buf.len, &again, NULL) == KMS_OK);
    require(again.plain_len == sealed->plain_len && again.token_len == sealed->token_len);
    require(memcmp(again.token, sealed->token, sealed->token_len) == 0);
    kms_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_sealed sealed;
    struct kms_fault fault = {0};
    enum kms_status status = kms_sealed_read(bytes, len, &sealed, &fault);
    require(status == KMS_OK || (status == KMS_EINVAL && fault.offset <= len && fault.text[0]));
    if (status == KMS_OK) {
        const uint8_t *token = sealed.token;
        require(token >= bytes && token + sealed.token_len <= bytes + len);
        require(sealed.token_len > sealed.plain_len);
        write_and_read(&sealed);
    }
    uint8_t binding[KMS_BINDING_SIZE];
    size_t binding_len = 0;
    status = kms_binding_of(bytes, len, binding, &binding_len, &fault);
    require(status == KMS_EINVAL || (status == KMS_OK && binding_len <= sizeof binding));
    return 0;
}
