/* Requests byte for byte from their stored inputs, and replies decoded to the stored fields: every
 * recorded exchange, every mutation of one, every truncation and every flipped bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "recorded.h"

static uint8_t wanted[RECORDED_MAX], message[RECORDED_MAX];
static size_t seen;

/* From a copy of exactly that size, so that a read past its end is seen. */
static struct kms_reply read_exact(const uint8_t *bytes, size_t len, const struct kms_ask *ask)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    struct kms_reply reply = kms_reply_read(exact, len, ask);
    free(exact);
    bool named = reply.outcome == KMS_OUTCOME_OK || (reply.outcome >= KMS_OUTCOME_REPLY_LENGTH &&
                                                     reply.outcome <= KMS_OUTCOME_REPLY_SALT);
    assert_true(named);
    assert_int_equal(reply.outcome == KMS_OUTCOME_OK, reply.detail[0] == '\0');
    assert_int_equal(reply.outcome == KMS_OUTCOME_OK, reply.epid[0] != '\0');
    return reply;
}

/* ---- requests ---- */

static void check_request(const char *file, const json_t *exchange)
{
    const json_t *inputs = json_object_get(exchange, "request");
    if (!inputs) {
        return; /* cut on purpose: no inputs make it */
    }
    struct kms_ask ask = recorded_ask(
        inputs, json_object_get(json_object_get(exchange, "intermediate"), "request_iv_hex"));
    uint8_t made[KMS_ASK_MAX];
    size_t len = kms_ask_write(&ask, made);
    if (ask.major < 4 || ask.major > 6) {
        assert_int_equal(len, 0); /* no message of ours */
        return;
    }
    assert_int_equal(recorded_bytes(json_object_get(exchange, "kms_request_hex"), wanted), len);
    if (kms_text_starts(file, "d13-")) { /* a wrong code on purpose */
        assert_memory_equal(made, wanted, len - KMS_BLOCK_SIZE);
        assert_memory_not_equal(made + len - KMS_BLOCK_SIZE, wanted + len - KMS_BLOCK_SIZE,
                                KMS_BLOCK_SIZE);
        return;
    }
    assert_memory_equal(made, wanted, len);
    seen++;
}

static void check_requests(const char *file, const json_t *connection)
{
    size_t i;
    const json_t *exchange;
    json_array_foreach(json_object_get(connection, "exchanges"), i, exchange)
    {
        check_request(file, exchange);
    }
}

static void every_recorded_request_comes_from_its_inputs(void **state)
{
    (void)state;
    seen = 0;
    recorded_each(check_requests);
    assert_true(seen >= 150);
}

static void golden_requests_are_identical_down_to_the_pdu(void **state)
{
    (void)state;
    json_t *root = recorded_load("golden/requests.json");
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const json_t *inputs = json_object_get(row, "inputs");
        struct kms_ask ask = recorded_ask(inputs, json_object_get(inputs, "aes_iv"));
        uint8_t made[KMS_ASK_MAX], pdu[KMS_CALL_MAX];
        size_t len = kms_ask_write(&ask, made);
        assert_int_equal(recorded_bytes(json_object_get(row, "kms_message_hex"), wanted), len);
        assert_memory_equal(made, wanted, len);
        bool ndr64 = strcmp(recorded_text(inputs, "transfer_syntax"), "NDR64") == 0;
        len = kms_call_write(ndr64 ? KMS_NDR64 : KMS_NDR32, 0, 2, made, len, pdu);
        assert_int_equal(recorded_bytes(json_object_get(row, "request_pdu_hex"), wanted), len);
        assert_memory_equal(pdu, wanted, len);
    }
    assert_true(i >= 12);
    json_decref(root);
}

static void a_long_workstation_name_is_cut_between_characters(void **state)
{
    (void)state;
    char name[KMS_WORKSTATION_UNITS + 8];
    memset(name, 'a', sizeof name);
    /* 62 letters, then a character that takes two units: only one is left. */
    memcpy(name + KMS_WORKSTATION_UNITS - 1,
           "\xf0\x9f\x98\x80"
           "b",
           6);
    struct kms_ask ask = {.major = 4, .workstation = name};
    uint8_t made[KMS_ASK_MAX];
    assert_int_equal(kms_ask_write(&ask, made), 252);
    size_t last = 108 + 2 * (KMS_WORKSTATION_UNITS - 2);
    assert_int_equal(made[last], 'a');
    assert_int_equal(made[last + 2] | made[last + 3], 0);
    assert_int_equal(made[last + 4] | made[last + 5], 0);
}

/* ---- replies ---- */

static void check_fields(const struct kms_reply *reply, const json_t *fields)
{
    assert_int_equal(reply->outcome, KMS_OUTCOME_OK);
    assert_string_equal(reply->epid, recorded_text(fields, "epid"));
    assert_true(reply->epid_clean);
    assert_int_equal(reply->count, json_integer_value(json_object_get(fields, "count")));
    assert_int_equal(reply->activation_minutes,
                     json_integer_value(json_object_get(fields, "activation_interval_min")));
    assert_int_equal(reply->renewal_minutes,
                     json_integer_value(json_object_get(fields, "renewal_interval_min")));
    const json_t *hwid = json_object_get(fields, "hwid");
    assert_int_equal(reply->has_hwid, hwid != NULL);
    if (hwid) {
        uint8_t bytes[RECORDED_MAX];
        assert_int_equal(recorded_bytes(hwid, bytes), KMS_HWID_SIZE);
        assert_memory_equal(reply->hwid, bytes, KMS_HWID_SIZE);
    }
}

/* Versions 4 and 6 notice every change. Version 5 has no code over the ePID: a flip may change it,
 * and nothing else. */
static void check_damaged(const struct kms_reply *reply, const struct kms_reply *whole,
                          unsigned version)
{
    if (reply->outcome != KMS_OUTCOME_OK) {
        return;
    }
    assert_int_equal(version, 5);
    assert_int_equal(reply->count, whole->count);
    assert_int_equal(strlen(reply->epid), strlen(whole->epid));
    for (const char *c = reply->epid; *c; c++) {
        assert_true(*c >= 0x20 && *c < 0x7f);
    }
}

static void damage(const uint8_t *bytes, size_t len, const struct kms_ask *ask,
                   const struct kms_reply *whole)
{
    uint8_t changed[RECORDED_MAX];
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(read_exact(bytes, cut, ask).outcome, KMS_OUTCOME_OK);
    }
    memcpy(changed, bytes, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct kms_reply reply = read_exact(changed, len, ask);
        check_damaged(&reply, whole, ask->major);
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void check_replies(const char *file, const json_t *connection)
{
    size_t i;
    const json_t *exchange;
    (void)file;
    json_array_foreach(json_object_get(connection, "exchanges"), i, exchange)
    {
        const json_t *hex = json_object_get(exchange, "kms_response_hex");
        if (!hex) {
            continue;
        }
        struct kms_ask ask = recorded_ask(
            json_object_get(exchange, "request"),
            json_object_get(json_object_get(exchange, "intermediate"), "request_iv_hex"));
        size_t len = recorded_bytes(hex, message);
        struct kms_reply reply = read_exact(message, len, &ask);
        check_fields(&reply, json_object_get(exchange, "response"));
        assert_false(reply.iv_reused);
        seen++;
    }
}

static void every_recorded_reply_decodes_to_its_fields(void **state)
{
    (void)state;
    seen = 0;
    recorded_each(check_replies);
    assert_true(seen >= 90);
}

static void no_damage_to_a_reply_changes_the_count(void **state)
{
    (void)state;
    json_t *root = recorded_load("golden/requests.json");
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const json_t *inputs = json_object_get(row, "inputs");
        struct kms_ask ask = recorded_ask(inputs, json_object_get(inputs, "aes_iv"));
        struct kms_call call;
        size_t len = recorded_bytes(json_object_get(row, "sample_response_pdu_hex"), message);
        bool ndr64 = strcmp(recorded_text(inputs, "transfer_syntax"), "NDR64") == 0;
        kms_call_init(&call, ndr64 ? KMS_NDR64 : KMS_NDR32, 2);
        assert_int_equal(kms_call_read(&call, message, len), KMS_CALL_DONE);
        assert_int_equal(call.outcome, KMS_OUTCOME_OK);
        struct kms_reply whole = read_exact(call.message, call.message_len, &ask);
        check_fields(&whole, json_object_get(row, "sample_response"));
        damage(call.message, call.message_len, &ask, &whole);
    }
    assert_true(i >= 12);
    json_decref(root);
}

/* ---- mutations ---- */

/* What the client holds of the request whose bytes are stored: the echoed fields and the IV. */
static struct kms_ask ask_of_message(const uint8_t *bytes, size_t len)
{
    uint8_t base[240];
    struct kms_ask ask = {.minor = (uint16_t)(bytes[0] | bytes[1] << 8),
                          .major = (uint16_t)(bytes[2] | bytes[3] << 8)};
    if (ask.major == 4) {
        assert_int_equal(len, 252);
        memcpy(base, bytes, 236);
    } else {
        assert_int_equal(len, 260);
        memcpy(ask.iv, bytes + 4, sizeof ask.iv);
        memcpy(base, bytes + 20, sizeof base);
        kms_cipher_decrypt(ask.major, ask.iv, base, sizeof base);
    }
    memcpy(ask.cmid.wire, base + 64, sizeof ask.cmid.wire);
    for (size_t i = 0; i < 8; i++) {
        ask.filetime |= (uint64_t)base[84 + i] << 8 * i;
    }
    return ask;
}

static void every_mutation_has_its_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum kms_outcome outcome;
    } expected[] = {
        {"v4-ok", KMS_OUTCOME_OK},
        {"v4-epid-tampered-no-remac", KMS_OUTCOME_REPLY_MAC},
        {"v4-cmid-mismatch", KMS_OUTCOME_REPLY_CMID},
        {"v4-pidsize-zero", KMS_OUTCOME_REPLY_EPID},
        {"v4-pidsize-wraps", KMS_OUTCOME_REPLY_EPID},
        {"v4-pid-embedded-nul", KMS_OUTCOME_REPLY_EPID},
        {"v4-pid-control-char", KMS_OUTCOME_OK},
        {"v4-truncated-1", KMS_OUTCOME_REPLY_LENGTH},
        {"v4-truncated-header", KMS_OUTCOME_REPLY_LENGTH},
        {"v4-empty", KMS_OUTCOME_REPLY_LENGTH},
        {"v4-excess-bytes", KMS_OUTCOME_REPLY_LENGTH},
        {"v4-count-max", KMS_OUTCOME_OK},
        {"v5-ok", KMS_OUTCOME_OK},
        {"v5-last-byte-flip", KMS_OUTCOME_REPLY_PADDING},
        {"v5-middle-flip", KMS_OUTCOME_OK},
        {"v5-truncated-block", KMS_OUTCOME_REPLY_PADDING},
        {"v5-iv-changed-consistent", KMS_OUTCOME_REPLY_IV},
        {"v5-hash-flip", KMS_OUTCOME_REPLY_HASH},
        {"v5-random-flip", KMS_OUTCOME_REPLY_HASH},
        {"v5-cmid-mismatch", KMS_OUTCOME_REPLY_CMID},
        {"v5-pad-17", KMS_OUTCOME_REPLY_PADDING},
        {"v5-pad-inconsistent", KMS_OUTCOME_REPLY_PADDING},
        {"v6-ok", KMS_OUTCOME_OK},
        {"v6-hmac-flip", KMS_OUTCOME_REPLY_MAC},
        {"v6-hwid-tampered", KMS_OUTCOME_REPLY_MAC},
        {"v6-xorediv-flip", KMS_OUTCOME_REPLY_SALT},
        {"v6-cmid-mismatch", KMS_OUTCOME_REPLY_CMID},
        {"v6-time-plus-1s", KMS_OUTCOME_REPLY_TIME},
        {"v6-iv-reused", KMS_OUTCOME_OK},
        {"v6-hmac-slot-1", KMS_OUTCOME_REPLY_MAC},
        {"v6-hmac-c1-offset-1", KMS_OUTCOME_REPLY_MAC},
        {"v6-hmac-c1-offset+1", KMS_OUTCOME_REPLY_MAC},
    };
    json_t *root = recorded_load("synthetic/kms-mutations.json");
    const json_t *rows = json_object_get(root, "cases");
    const json_t *row;
    size_t i, listed = 0;
    json_array_foreach(rows, i, row)
    {
        const char *name = recorded_text(row, "name");
        size_t len = recorded_bytes(json_object_get(row, "kms_request_hex"), wanted);
        struct kms_ask ask = ask_of_message(wanted, len);
        len = recorded_bytes(json_object_get(row, "kms_response_hex"), message);
        struct kms_reply reply = read_exact(message, len, &ask);
        for (size_t k = 0; k < KMS_COUNT_OF(expected); k++) {
            if (strcmp(expected[k].name, name) == 0) {
                listed++;
                if (reply.outcome != expected[k].outcome) {
                    fail_msg("%s: %s (%s)", name, kms_outcome_row(reply.outcome)->token,
                             reply.detail);
                }
            }
        }
        bool reject = strcmp(recorded_text(row, "expected_verdict"), "reject") == 0;
        assert_true(!reject || reply.outcome != KMS_OUTCOME_OK);
        bool dirty = strcmp(name, "v4-pid-control-char") == 0;
        assert_true(!dirty || (!reply.epid_clean && strchr(reply.epid, '?')));
        assert_int_equal(reply.iv_reused, strcmp(name, "v6-iv-reused") == 0);
    }
    assert_int_equal(listed, json_array_size(rows));
    assert_int_equal(listed, KMS_COUNT_OF(expected));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_request_comes_from_its_inputs),
        cmocka_unit_test(golden_requests_are_identical_down_to_the_pdu),
        cmocka_unit_test(a_long_workstation_name_is_cut_between_characters),
        cmocka_unit_test(every_recorded_reply_decodes_to_its_fields),
        cmocka_unit_test(no_damage_to_a_reply_changes_the_count),
        cmocka_unit_test(every_mutation_has_its_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
