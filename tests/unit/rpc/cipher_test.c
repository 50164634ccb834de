/* The known answers of the cryptography. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorded.h"
#include "rpc/cipher.h"
#include "rpc/rijndael.h"

static uint8_t a[RECORDED_MAX], b[RECORDED_MAX];

static json_t *answers;

static int load(void **state)
{
    (void)state;
    answers = recorded_load("crypto/known-answers.json");
    return 0;
}

static int release(void **state)
{
    (void)state;
    json_decref(answers);
    return 0;
}

static void aes_is_that_of_the_standard(void **state)
{
    (void)state;
    const json_t *row = json_object_get(answers, "fips197_sanity");
    uint8_t key[RECORDED_MAX];
    assert_int_equal(recorded_bytes(json_object_get(row, "key"), key), 16);
    assert_int_equal(recorded_bytes(json_object_get(row, "plaintext"), a), 16);
    assert_int_equal(recorded_bytes(json_object_get(row, "ciphertext"), b), 16);
    uint8_t block[16];
    memcpy(block, a, sizeof block);
    struct kms_rijndael cipher = kms_rijndael_expand(key, 4);
    assert_int_equal(cipher.rounds, 10);
    kms_rijndael_encrypt(&cipher, block);
    assert_memory_equal(block, b, sizeof block);
    kms_rijndael_decrypt(&cipher, block);
    assert_memory_equal(block, a, sizeof block);
}

static void the_160_bit_key_expands_to_twelve_round_keys(void **state)
{
    (void)state;
    const json_t *keys = json_object_get(json_object_get(answers, "round_keys"),
                                         "v4_rijndael160 (12 round keys, 11 rounds)");
    uint8_t key[RECORDED_MAX];
    assert_int_equal(
        recorded_bytes(json_object_get(json_object_get(answers, "keys"), "v4_rijndael160"), key),
        20);
    struct kms_rijndael cipher = kms_rijndael_expand(key, 5);
    assert_int_equal(json_array_size(keys), 12);
    assert_int_equal(cipher.rounds, 11);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(recorded_bytes(json_array_get(keys, i), a), 16);
        assert_memory_equal(cipher.key[i], a, 16);
    }
}

static void blocks_encrypt_and_decrypt(void **state)
{
    (void)state;
    size_t i, seen = 0;
    const json_t *row;
    static const uint8_t zero[16];
    json_array_foreach(json_object_get(answers, "block"), i, row)
    {
        const char *cipher = recorded_text(row, "cipher");
        assert_int_equal(recorded_bytes(json_object_get(row, "plaintext"), a), 16);
        assert_int_equal(recorded_bytes(json_object_get(row, "ciphertext"), b), 16);
        if (cipher[1] == '4') {
            continue; /* the version has no use for one block alone; see the codes below */
        }
        unsigned version = (unsigned)(cipher[1] - '0');
        uint8_t block[16];
        memcpy(block, a, sizeof block);
        kms_cipher_encrypt(version, zero, block, sizeof block);
        assert_memory_equal(block, b, sizeof block);
        kms_cipher_decrypt_block(version, b, block);
        assert_memory_equal(block, a, sizeof block);
        seen++;
    }
    assert_true(seen >= 4);
}

static void chains_encrypt_and_decrypt(void **state)
{
    (void)state;
    size_t i;
    const json_t *row;
    const json_t *rows = json_object_get(answers, "cbc");
    assert_true(json_array_size(rows) >= 2);
    json_array_foreach(rows, i, row)
    {
        uint8_t iv[RECORDED_MAX];
        unsigned version = (unsigned)(recorded_text(row, "cipher")[1] - '0');
        assert_int_equal(recorded_bytes(json_object_get(row, "iv"), iv), 16);
        size_t len = recorded_bytes(json_object_get(row, "plaintext"), a);
        assert_int_equal(recorded_bytes(json_object_get(row, "ciphertext"), b), len);
        kms_cipher_encrypt(version, iv, a, len);
        assert_memory_equal(a, b, len);
        kms_cipher_decrypt(version, iv, b, len);
        (void)recorded_bytes(json_object_get(row, "plaintext"), a);
        assert_memory_equal(a, b, len);
    }
}

static void codes_of_version_4_are_right_for_every_length(void **state)
{
    (void)state;
    size_t i;
    const json_t *row;
    const json_t *rows = json_object_get(answers, "mac_v4");
    assert_true(json_array_size(rows) >= 6);
    json_array_foreach(rows, i, row)
    {
        uint8_t mac[16];
        size_t len = recorded_bytes(json_object_get(row, "message"), a);
        assert_int_equal(recorded_bytes(json_object_get(row, "mac"), b), 16);
        kms_cipher_mac4(a, len, mac);
        assert_memory_equal(mac, b, sizeof mac);
    }
}

static void keys_of_version_6_follow_the_time_slots(void **state)
{
    (void)state;
    size_t i;
    const json_t *row;
    const json_t *rows = json_object_get(answers, "v6_hmac_key");
    assert_true(json_array_size(rows) >= 4);
    json_array_foreach(rows, i, row)
    {
        uint8_t key[16];
        uint64_t time = (uint64_t)json_integer_value(json_object_get(row, "client_time"));
        assert_int_equal(recorded_bytes(json_object_get(row, "hmac_key_hex"), b), 16);
        kms_cipher_key6(time, key);
        assert_memory_equal(key, b, sizeof key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_is_that_of_the_standard),
        cmocka_unit_test(the_160_bit_key_expands_to_twelve_round_keys),
        cmocka_unit_test(blocks_encrypt_and_decrypt),
        cmocka_unit_test(chains_encrypt_and_decrypt),
        cmocka_unit_test(codes_of_version_4_are_right_for_every_length),
        cmocka_unit_test(keys_of_version_6_follow_the_time_slots),
    };
    return cmocka_run_group_tests(tests, load, release);
}
