/* Fuzz harness of responses and faults: a byte that chooses the encoding, then PDUs one behind the
 * other, put together until the call is done. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "rpc/call.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_done(const struct kms_call *call)
{
    require(call->outcome == KMS_OUTCOME_OK || call->outcome == KMS_OUTCOME_ACTIVATION_REFUSED ||
            call->outcome == KMS_OUTCOME_RPC_FAULT || call->outcome == KMS_OUTCOME_RPC_PROTOCOL);
    require((call->outcome == KMS_OUTCOME_OK) == (call->detail[0] == '\0'));
    require(memchr(call->detail, '\0', sizeof call->detail) != NULL);
    require((call->outcome == KMS_OUTCOME_ACTIVATION_REFUSED) == (call->hresult != 0));
    require(call->outcome != KMS_OUTCOME_OK ||
            (call->message_len > 0 && call->message >= call->stub &&
             call->message + call->message_len <= call->stub + call->stub_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_call call;
    if (len == 0) {
        return 0;
    }
    kms_call_init(&call, bytes[0] & 1 ? KMS_NDR64 : KMS_NDR32, KMS_RPC_CALL_ID);
    bytes++;
    len--;
    for (enum kms_call_step step = KMS_CALL_MORE; step == KMS_CALL_MORE && len > 0;) {
        struct kms_rpc_header header;
        bool whole = kms_rpc_read_header(bytes, len, &header) == KMS_RPC_WHOLE &&
                     header.frag_length <= len;
        size_t taken = whole ? header.frag_length : len;
        step = kms_call_read(&call, bytes, taken);
        require(call.frags <= KMS_CALL_FRAGS_MAX && call.stub_len <= sizeof call.stub);
        if (step == KMS_CALL_DONE) {
            check_done(&call);
        }
        bytes += taken;
        len -= taken;
    }
    return 0;
}
