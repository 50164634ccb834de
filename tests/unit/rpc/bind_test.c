/* The bind's bytes and its answers: recordings of several servers, hand-made PDUs, and every
 * truncation and bit flip of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

#include "base/text.h"
#include "rpc/bind.h"

#define PDU_MAX 8192

static json_t *load(const char *name)
{
    char path[512];
    json_error_t error;
    const char *folder = getenv("KMSMON_DATA_DIR");
    kms_text_format(path, sizeof path, "%s/kms-exchanges/%s", folder ? folder : KMSMON_DATA_DIR,
                    name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    return root;
}

static size_t from_hex(const char *hex, uint8_t *ret)
{
    size_t len = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        uint32_t byte;
        assert_true(kms_text_hex32(hex, 2, &byte));
        assert_true(len < PDU_MAX);
        ret[len++] = (uint8_t)byte;
    }
    return len;
}

/* From a copy of exactly that size, so that a read past its end is seen. */
static struct kms_rpc_answer read_as(enum kms_ndr offered, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    struct kms_rpc_answer answer = kms_rpc_bind_read(offered, exact, len);
    free(exact);
    assert_true(answer.outcome == KMS_OUTCOME_OK || answer.outcome == KMS_OUTCOME_RPC_NOT_KMS ||
                answer.outcome == KMS_OUTCOME_RPC_BIND_NAK ||
                answer.outcome == KMS_OUTCOME_RPC_NOT_RPC);
    assert_int_equal(answer.outcome == KMS_OUTCOME_OK, answer.detail[0] == '\0');
    assert_non_null(memchr(answer.detail, '\0', sizeof answer.detail));
    assert_true(!answer.syntax_refused || answer.outcome == KMS_OUTCOME_RPC_NOT_KMS);
    return answer;
}

/* The bind that is sent first; the other one's answer must be a named one all the same. */
static struct kms_rpc_answer read_exact(const uint8_t *bytes, size_t len)
{
    (void)read_as(KMS_NDR64, bytes, len);
    return read_as(KMS_NDR32, bytes, len);
}

static struct kms_rpc_answer read_hex(const char *hex)
{
    uint8_t bytes[PDU_MAX];
    size_t len = from_hex(hex, bytes);
    return read_exact(bytes, len);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- the bind ---- */

static void the_binds_are_those_that_servers_accepted(void **state)
{
    (void)state;
    json_t *root = load("golden/requests.json");
    size_t compared[] = {[KMS_NDR32] = 0, [KMS_NDR64] = 0};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(root, "cases"), i, one)
    {
        uint8_t wanted[PDU_MAX];
        const json_t *inputs = json_object_get(one, "inputs");
        bool ndr64 = kms_text_equal(text_of(inputs, "transfer_syntax"), "NDR64");
        if (json_integer_value(json_object_get(inputs, "bind_call_id")) != KMS_RPC_CALL_ID ||
            !kms_text_equal(text_of(inputs, "bind_flags"), "0x13")) {
            continue;
        }
        uint8_t ours[KMS_RPC_BIND_SIZE];
        kms_rpc_bind_write(ndr64 ? KMS_NDR64 : KMS_NDR32, ours);
        assert_int_equal(from_hex(text_of(one, "bind_pdu_hex"), wanted), sizeof ours);
        assert_memory_equal(ours, wanted, sizeof ours);
        compared[ndr64 ? KMS_NDR64 : KMS_NDR32]++;
    }
    assert_int_equal(compared[KMS_NDR32], 6);
    assert_int_equal(compared[KMS_NDR64], 6);
    json_decref(root);
}

/* ---- recordings ---- */

static void read_first_answers(const char *name, enum kms_ndr offered, enum kms_outcome outcome,
                               bool any_bind, size_t *count)
{
    json_t *root = load(name);
    uint8_t ours[KMS_RPC_BIND_SIZE];
    kms_rpc_bind_write(offered, ours);
    size_t i;
    json_t *connection;
    json_array_foreach(json_object_get(root, "connections"), i, connection)
    {
        const json_t *pdus = json_object_get(connection, "pdus");
        const json_t *sent = json_array_get(pdus, 0);
        const json_t *got = json_array_get(pdus, 1);
        uint8_t bytes[PDU_MAX];
        size_t len = from_hex(text_of(sent, "hex"), bytes);
        bool same = len == sizeof ours && memcmp(bytes, ours, len) == 0;
        if ((!same && !any_bind) || !kms_text_equal(text_of(got, "dir"), "s2c")) {
            continue;
        }
        len = from_hex(text_of(got, "hex"), bytes);
        assert_int_equal(read_as(offered, bytes, len).outcome, outcome);
        ++*count;
    }
    json_decref(root);
}

static size_t read_accepted(enum kms_ndr offered)
{
    char path[512];
    const char *folder = getenv("KMSMON_DATA_DIR");
    kms_text_format(path, sizeof path, "%s/kms-exchanges", folder ? folder : KMSMON_DATA_DIR);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".json")) {
            read_first_answers(entry->d_name, offered, KMS_OUTCOME_OK, false, &count);
        }
    }
    closedir(dir);
    return count;
}

static void recorded_answers_to_the_same_bind_are_accepted(void **state)
{
    (void)state;
    assert_true(read_accepted(KMS_NDR32) >= 3);
    assert_true(read_accepted(KMS_NDR64) >= 2);
}

static void recorded_rejections_are_no_kms(void **state)
{
    (void)state;
    size_t count = 0;
    read_first_answers("e2-wrong-interface.json", KMS_NDR32, KMS_OUTCOME_RPC_NOT_KMS, true, &count);
    read_first_answers("e3-unknown-transfer-syntax.json", KMS_NDR32, KMS_OUTCOME_RPC_NOT_KMS, true,
                       &count);
    assert_true(count >= 2);
}

/* The answer of a connection to its first PDU. */
static struct kms_rpc_answer read_recorded(const char *name, enum kms_ndr offered)
{
    uint8_t bytes[PDU_MAX];
    json_t *root = load(name);
    const json_t *connection = json_array_get(json_object_get(root, "connections"), 0);
    const json_t *got = json_array_get(json_object_get(connection, "pdus"), 1);
    size_t len = from_hex(text_of(got, "hex"), bytes);
    json_decref(root);
    return read_as(offered, bytes, len);
}

static void a_refused_syntax_is_told_from_a_missing_interface(void **state)
{
    (void)state;
    assert_true(read_recorded("e3-unknown-transfer-syntax.json", KMS_NDR64).syntax_refused);
    assert_false(read_recorded("e2-wrong-interface.json", KMS_NDR64).syntax_refused);
    assert_false(read_hex("05000d031000000015000000020000000400010500").syntax_refused);
}

static void an_answer_that_accepts_the_other_syntax_answers_another_bind(void **state)
{
    (void)state;
    assert_int_equal(read_recorded("a7-v6-ndr64-only-first-call.json", KMS_NDR64).outcome,
                     KMS_OUTCOME_OK);
    assert_int_equal(read_recorded("a7-v6-ndr64-only-first-call.json", KMS_NDR32).outcome,
                     KMS_OUTCOME_RPC_NOT_RPC);
    assert_int_equal(read_recorded("a1-v6-ndr32-only.json", KMS_NDR64).outcome,
                     KMS_OUTCOME_RPC_NOT_RPC);
}

/* ---- hand-made PDUs ---- */

static enum kms_outcome wanted_of(const char *name, const char *verdict)
{
    static const struct {
        const char *verdict;
        enum kms_outcome outcome;
    } table[] = {
        {"bound-ndr32", KMS_OUTCOME_OK},
        {"not-kms", KMS_OUTCOME_RPC_NOT_KMS},
        {"bind-nak", KMS_OUTCOME_RPC_BIND_NAK},
        {"fault", KMS_OUTCOME_RPC_BIND_NAK},
    };
    /* Both have the status of an unknown interface. */
    if (kms_text_equal(name, "fault-unknown-if") || kms_text_equal(name, "fault-other-call-id")) {
        return KMS_OUTCOME_RPC_NOT_KMS;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(table); i++) {
        if (kms_text_equal(table[i].verdict, verdict)) {
            return table[i].outcome;
        }
    }
    return KMS_OUTCOME_RPC_NOT_RPC; /* broken ones, and answers to a request that is never sent */
}

static void hand_made_pdus_have_their_verdicts(void **state)
{
    (void)state;
    json_t *root = load("synthetic/rpc-pdus.json");
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(root, "cases"), i, one)
    {
        const char *name = text_of(one, "name");
        const char *hex = json_string_value(json_array_get(json_object_get(one, "pdus_hex"), 0));
        assert_non_null(hex);
        struct kms_rpc_answer answer = read_hex(hex);
        enum kms_outcome wanted = wanted_of(name, text_of(one, "expected_verdict"));
        if (answer.outcome != wanted) {
            fail_msg("%s: %s (%s), wanted %s", name, kms_outcome_row(answer.outcome)->token,
                     answer.detail, kms_outcome_row(wanted)->token);
        }
    }
    assert_true(i > 30);
    json_decref(root);
}

static void reasons_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *detail;
    } cases[] = {
        {"05000d031000000015000000020000000400010500",
         "bind_nak, reason 4 (protocol version not supported)"},
        {"05000d031000000015000000020000000800010500",
         "bind_nak, reason 8 (authentication type not recognised)"},
        {"05000d03100000001200000002000000ff00", "bind_nak, reason 255 (unknown)"},
        {"05000d03000000000012000000000002" /* big-endian */
         "0001",
         "bind_nak, reason 1 (temporary congestion)"},
        {"0500030310000000200000000200000000000000000000000300011c00000000",
         "fault 0x1C010003 (unknown interface)"},
        {"050003031000000020000000020000000000000000000000220000c000000000",
         "fault 0xC0000022 (access denied)"},
        {"05000c13100000003800000002000000d016d0163412000000000000010000000200030000000000000000000"
         "0000000000000000000000000",
         "bind_ack, result 2, reason 3 (local limit exceeded)"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        assert_string_equal(read_hex(cases[i].hex).detail, cases[i].detail);
    }
}

/* ---- damage ---- */

static const char *const replies[] = {
    "05000c13100000003c00000002000000d016d0163412000005003136383800000100000000000000045d888aeb1cc9"
    "1"
    "19fe808002b10486002000000",
    "05000d031000000015000000020000000400010500",
    "0500030310000000200000000200000000000000000000000200011c00000000",
};

static void every_truncation_ends_in_a_named_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(replies); i++) {
        uint8_t bytes[PDU_MAX];
        size_t len = from_hex(replies[i], bytes);
        assert_true(read_exact(bytes, len).outcome != KMS_OUTCOME_RPC_NOT_RPC);
        for (size_t cut = 0; cut < len; cut++) {
            struct kms_rpc_header header;
            assert_int_equal(read_exact(bytes, cut).outcome, KMS_OUTCOME_RPC_NOT_RPC);
            assert_int_equal(kms_rpc_read_header(bytes, cut, &header),
                             cut < KMS_RPC_HEADER_SIZE ? KMS_RPC_PARTIAL : KMS_RPC_WHOLE);
        }
        /* The same with a length that fits, so that the body is what ends early. */
        for (size_t cut = KMS_RPC_HEADER_SIZE; cut < len; cut++) {
            bytes[8] = (uint8_t)cut;
            (void)read_exact(bytes, cut);
        }
    }
}

static void every_bit_flip_ends_in_a_named_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(replies); i++) {
        uint8_t bytes[PDU_MAX];
        size_t len = from_hex(replies[i], bytes);
        for (size_t bit = 0; bit < len * 8; bit++) {
            uint8_t mask = (uint8_t)(1U << bit % 8);
            bytes[bit / 8] ^= mask;
            (void)read_exact(bytes, len);
            bytes[bit / 8] ^= mask;
        }
    }
}

static void other_protocols_are_told_from_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } foreign[] = {
        {"S", 1},            /* SSH, SMTP and the like begin with letters or digits */
        {"HTTP/1.1", 8},     /* */
        {"220 ", 4},         /* */
        {"\x15\x03\x01", 3}, /* TLS */
        {"\x05\x02", 2},     /* SOCKS has the same first byte */
        {"\x05\x00\x63", 3}, /* no such PDU */
        {"\x05\x00\x0c\x03\x70", 5},
    };
    struct kms_rpc_header header;
    for (size_t i = 0; i < KMS_COUNT_OF(foreign); i++) {
        const uint8_t *bytes = (const uint8_t *)foreign[i].bytes;
        assert_int_equal(kms_rpc_read_header(bytes, foreign[i].len, &header), KMS_RPC_FOREIGN);
    }
    assert_int_equal(kms_rpc_read_header((const uint8_t *)"", 0, &header), KMS_RPC_PARTIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_binds_are_those_that_servers_accepted),
        cmocka_unit_test(recorded_answers_to_the_same_bind_are_accepted),
        cmocka_unit_test(recorded_rejections_are_no_kms),
        cmocka_unit_test(a_refused_syntax_is_told_from_a_missing_interface),
        cmocka_unit_test(an_answer_that_accepts_the_other_syntax_answers_another_bind),
        cmocka_unit_test(hand_made_pdus_have_their_verdicts),
        cmocka_unit_test(reasons_are_named),
        cmocka_unit_test(every_truncation_ends_in_a_named_outcome),
        cmocka_unit_test(every_bit_flip_ends_in_a_named_outcome),
        cmocka_unit_test(other_protocols_are_told_from_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
