/* Responses and faults as PDUs: recordings, hand-made ones with their verdicts, fragments, every
 * truncation and every flipped bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "recorded.h"
#include "rpc/fault.h"

static uint8_t pdu[RECORDED_MAX];
static size_t seen;

/* From a copy of exactly that size, so that a read past its end is seen. */
static enum kms_call_step read_exact(struct kms_call *call, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    enum kms_call_step step = kms_call_read(call, exact, len);
    free(exact);
    if (step == KMS_CALL_DONE) {
        bool named = call->outcome == KMS_OUTCOME_OK ||
                     call->outcome == KMS_OUTCOME_ACTIVATION_REFUSED ||
                     call->outcome == KMS_OUTCOME_RPC_FAULT ||
                     call->outcome == KMS_OUTCOME_RPC_PROTOCOL;
        assert_true(named);
        assert_int_equal(call->outcome == KMS_OUTCOME_OK, call->detail[0] == '\0');
    }
    return step;
}

static void check_damage(const uint8_t *bytes, size_t len, enum kms_ndr ndr, uint32_t call_id)
{
    uint8_t changed[RECORDED_MAX];
    struct kms_call call;
    for (size_t cut = 0; cut < len; cut++) {
        kms_call_init(&call, ndr, call_id);
        assert_int_equal(read_exact(&call, bytes, cut), KMS_CALL_DONE);
        assert_int_equal(call.outcome, KMS_OUTCOME_RPC_PROTOCOL);
    }
    memcpy(changed, bytes, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        kms_call_init(&call, ndr, call_id);
        (void)read_exact(&call, changed, len);
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static const json_t *exchange_of(const json_t *connection, const json_t *decoded)
{
    size_t i;
    const json_t *exchange;
    const json_t *exchanges = json_object_get(connection, "exchanges");
    json_array_foreach(exchanges, i, exchange)
    {
        if (json_equal(json_object_get(exchange, "call_id"), json_object_get(decoded, "call_id"))) {
            return exchange;
        }
    }
    return NULL;
}

static enum kms_ndr ndr_of(const json_t *decoded)
{
    return strcmp(recorded_text(decoded, "ndr"), "NDR64") == 0 ? KMS_NDR64 : KMS_NDR32;
}

static void check_response(const json_t *connection, const json_t *decoded, size_t len)
{
    struct kms_call call;
    uint32_t id = (uint32_t)json_integer_value(json_object_get(decoded, "call_id"));
    const json_t *stub = json_object_get(decoded, "stub");
    const json_t *exchange = exchange_of(connection, decoded);
    uint32_t hresult;
    const char *text = recorded_text(stub, "hresult");
    assert_true(kms_text_hex32(text, strlen(text), &hresult));
    kms_call_init(&call, ndr_of(decoded), id);
    assert_int_equal(read_exact(&call, pdu, len), KMS_CALL_DONE);
    assert_int_equal(call.hresult, hresult);
    assert_int_equal(call.outcome, hresult == 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_ACTIVATION_REFUSED);
    assert_non_null(exchange);
    if (hresult == 0) {
        assert_int_equal(call.message_len, json_integer_value(json_object_get(stub, "data_len")));
    }
    kms_call_init(&call, ndr_of(decoded), id + 1);
    assert_int_equal(read_exact(&call, pdu, len), KMS_CALL_DONE);
    assert_int_equal(call.outcome, KMS_OUTCOME_RPC_PROTOCOL);
    if (seen++ % 16 == 0) { /* they differ in little */
        check_damage(pdu, len, ndr_of(decoded), id);
    }
}

static void check_fault(const json_t *decoded, size_t len)
{
    struct kms_call call;
    (void)decoded;
    kms_call_init(&call, KMS_NDR32, 77);
    assert_int_equal(read_exact(&call, pdu, len), KMS_CALL_DONE);
    assert_int_equal(call.outcome, KMS_OUTCOME_RPC_FAULT);
    assert_true(call.fault != 0);
    seen++;
}

static void check_request(const json_t *connection, const json_t *decoded, size_t len)
{
    const json_t *exchange = exchange_of(connection, decoded);
    if (!exchange || json_integer_value(json_object_get(decoded, "opnum")) != 0 ||
        strcmp(recorded_text(decoded, "rpc_version"), "5.0") != 0) {
        return;
    }
    uint8_t message[RECORDED_MAX], made[KMS_CALL_MAX];
    size_t message_len = recorded_bytes(json_object_get(exchange, "kms_request_hex"), message);
    const json_t *size = json_object_get(json_object_get(decoded, "stub"), "size");
    if (message_len != (size_t)json_integer_value(size) || message_len > KMS_ASK_MAX) {
        return; /* of another exchange with the same call id */
    }
    size_t head = ndr_of(decoded) == KMS_NDR64 ? 40 : 32;
    uint32_t id = (uint32_t)json_integer_value(json_object_get(decoded, "call_id"));
    uint16_t context = (uint16_t)json_integer_value(json_object_get(decoded, "context_id"));
    assert_int_equal(kms_call_write(ndr_of(decoded), context, id, pdu + head, message_len, made),
                     len);
    assert_memory_equal(made, pdu, len);
    seen++;
}

static void check_connection(const char *file, const json_t *connection)
{
    size_t i;
    const json_t *row;
    (void)file;
    json_array_foreach(json_object_get(connection, "pdus"), i, row)
    {
        const json_t *decoded = json_object_get(row, "decoded");
        const char *type = json_string_value(json_object_get(decoded, "ptype"));
        if (!type) {
            continue; /* bytes that are no PDU, or the end of the connection */
        }
        size_t len = recorded_bytes(json_object_get(row, "hex"), pdu);
        if (strcmp(type, "response") == 0) {
            check_response(connection, decoded, len);
        } else if (strcmp(type, "fault") == 0) {
            check_fault(decoded, len);
        } else if (strcmp(type, "request") == 0) {
            check_request(connection, decoded, len);
        }
    }
}

static void every_recorded_pdu_is_written_and_read(void **state)
{
    (void)state;
    seen = 0;
    recorded_each(check_connection);
    assert_true(seen >= 250);
}

static enum kms_outcome outcome_of(const char *verdict)
{
    if (strcmp(verdict, "fault") == 0) {
        return KMS_OUTCOME_RPC_FAULT;
    }
    if (strcmp(verdict, "hresult") == 0) {
        return KMS_OUTCOME_ACTIVATION_REFUSED;
    }
    return strcmp(verdict, "success") == 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_RPC_PROTOCOL;
}

/* Feeds the fragments until the call is done. */
static void feed(struct kms_call *call, const json_t *pdus)
{
    size_t i;
    const json_t *hex;
    enum kms_call_step step = KMS_CALL_MORE;
    json_array_foreach(pdus, i, hex)
    {
        if (step == KMS_CALL_MORE) {
            size_t len = recorded_bytes(hex, pdu);
            step = read_exact(call, pdu, len);
        }
    }
    assert_int_equal(step, KMS_CALL_DONE);
}

static void every_hand_made_pdu_has_its_verdict(void **state)
{
    (void)state;
    json_t *root = recorded_load("synthetic/rpc-pdus.json");
    size_t i, checked = 0;
    const json_t *row;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const char *verdict = recorded_text(row, "expected_verdict");
        const char *name = recorded_text(row, "name");
        bool of_bind = kms_text_starts(verdict, "bind") || kms_text_starts(verdict, "bound") ||
                       strcmp(verdict, "not-kms") == 0 || kms_text_starts(name, "ack-");
        if (of_bind) {
            continue; /* judged by the bind's tests */
        }
        struct kms_call call;
        bool ndr64 = strcmp(recorded_text(row, "transfer_syntax"), "NDR64") == 0;
        kms_call_init(&call, ndr64 ? KMS_NDR64 : KMS_NDR32, 2);
        feed(&call, json_object_get(row, "pdus_hex"));
        /* The other byte order and the other alphabet are read: they touch no byte of the message.
         */
        bool drep = strstr(name, "-drep") != NULL;
        enum kms_outcome wanted = drep ? KMS_OUTCOME_OK : outcome_of(verdict);
        if (call.outcome != wanted) {
            fail_msg("%s: %s (%s)", name, kms_outcome_row(call.outcome)->token, call.detail);
        }
        const char *hresult = json_string_value(json_object_get(row, "hresult"));
        const char *status = json_string_value(json_object_get(row, "status"));
        uint32_t number;
        if (hresult) {
            assert_true(kms_text_hex32(hresult, strlen(hresult), &number));
            assert_int_equal(call.hresult, number);
        }
        if (status) {
            assert_true(kms_text_hex32(status, strlen(status), &number));
            assert_int_equal(call.fault, number);
            assert_non_null(kms_fault_status_text(number));
        }
        checked++;
    }
    assert_true(checked >= 40);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_pdu_is_written_and_read),
        cmocka_unit_test(every_hand_made_pdu_has_its_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
