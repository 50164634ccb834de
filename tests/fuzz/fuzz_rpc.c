/* Fuzz harness of the answers to a bind: whatever the bytes are, the verdict is one of the named
 * ones. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "rpc/bind.h"
#include "rpc/pdu.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void read_answer(enum kms_ndr offered, const uint8_t *bytes, size_t len)
{
    struct kms_rpc_header header = {0};
    enum kms_rpc_read read = kms_rpc_read_header(bytes, len, &header);
    require(read == KMS_RPC_WHOLE || read == KMS_RPC_PARTIAL || read == KMS_RPC_FOREIGN);
    require(read != KMS_RPC_PARTIAL || len < KMS_RPC_HEADER_SIZE);
    require(read != KMS_RPC_WHOLE ||
            (header.frag_length >= KMS_RPC_HEADER_SIZE && header.frag_length <= KMS_RPC_PDU_MAX));
    struct kms_rpc_answer answer = kms_rpc_bind_read(offered, bytes, len);
    require(answer.outcome == KMS_OUTCOME_OK || answer.outcome == KMS_OUTCOME_RPC_NOT_KMS ||
            answer.outcome == KMS_OUTCOME_RPC_BIND_NAK ||
            answer.outcome == KMS_OUTCOME_RPC_NOT_RPC);
    require(answer.outcome == KMS_OUTCOME_RPC_NOT_RPC ||
            (read == KMS_RPC_WHOLE && header.frag_length <= len));
    require((answer.outcome == KMS_OUTCOME_OK) == (answer.detail[0] == '\0'));
    require(memchr(answer.detail, '\0', sizeof answer.detail) != NULL);
    require(!answer.syntax_refused || answer.outcome == KMS_OUTCOME_RPC_NOT_KMS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_answer(KMS_NDR32, bytes, len);
    read_answer(KMS_NDR64, bytes, len);
    return 0;
}
