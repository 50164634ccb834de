/* Modes over the two ciphers of our own and those of the library. */
#include "rpc/cipher.h"

#include <string.h>

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "rpc/rijndael.h"

static const uint8_t key4[20] = {0x05, 0x3d, 0x83, 0x07, 0xf9, 0xe5, 0xf0, 0x88, 0xeb, 0x5e,
                                 0xa6, 0x68, 0x6c, 0xf0, 0x37, 0xc7, 0xe4, 0xef, 0xd2, 0xd6};
static const uint8_t key5[AES128_KEY_SIZE] = {0xcd, 0x7e, 0x79, 0x6f, 0x2a, 0xb2, 0x5d, 0xcb,
                                              0x55, 0xff, 0xc8, 0xef, 0x83, 0x64, 0xc4, 0x70};
static const uint8_t key6[16] = {0xa9, 0x4a, 0x41, 0x95, 0xe2, 0x01, 0x43, 0x2d,
                                 0x9b, 0xcb, 0x46, 0x04, 0x05, 0xd8, 0x4a, 0x21};

/* The key of a time slot of version 6. */
#define SLOT_LENGTH UINT64_C(0x00000022816889bd) /* 100 ns: 4.1 hours */
#define SEED_FACTOR UINT64_C(0x000000208cbab5ed)
#define SEED_ADDEND UINT64_C(0x3156cd5ac628477a)

static void add_block(uint8_t *to, const uint8_t *from)
{
    for (size_t i = 0; i < KMS_BLOCK_SIZE; i++) {
        to[i] ^= from[i];
    }
}

void kms_cipher_mac4(const uint8_t *bytes, size_t len, uint8_t ret[KMS_BLOCK_SIZE])
{
    struct kms_rijndael cipher = kms_rijndael_expand(key4, sizeof key4 / 4);
    uint8_t state[KMS_BLOCK_SIZE] = {0};
    uint8_t last[KMS_BLOCK_SIZE] = {0};
    for (; len >= KMS_BLOCK_SIZE; bytes += KMS_BLOCK_SIZE, len -= KMS_BLOCK_SIZE) {
        add_block(state, bytes);
        kms_rijndael_encrypt(&cipher, state);
    }
    if (len > 0) {
        memcpy(last, bytes, len);
    }
    last[len] = 0x80;
    add_block(state, last);
    kms_rijndael_encrypt(&cipher, state);
    memcpy(ret, state, sizeof state);
}

static struct kms_rijndael altered_aes(void)
{
    struct kms_rijndael cipher = kms_rijndael_expand(key6, sizeof key6 / 4);
    cipher.key[4][0] ^= 0x73;
    cipher.key[6][0] ^= 0x09;
    cipher.key[8][0] ^= 0xe4;
    return cipher;
}

static void encrypt6(const uint8_t *iv, uint8_t *bytes, size_t len)
{
    struct kms_rijndael cipher = altered_aes();
    for (size_t at = 0; at < len; at += KMS_BLOCK_SIZE) {
        add_block(bytes + at, at == 0 ? iv : bytes + at - KMS_BLOCK_SIZE);
        kms_rijndael_encrypt(&cipher, bytes + at);
    }
}

static void decrypt6(const uint8_t *iv, uint8_t *bytes, size_t len)
{
    struct kms_rijndael cipher = altered_aes();
    uint8_t before[KMS_BLOCK_SIZE];
    memcpy(before, iv, sizeof before);
    for (size_t at = 0; at < len; at += KMS_BLOCK_SIZE) {
        uint8_t encrypted[KMS_BLOCK_SIZE];
        memcpy(encrypted, bytes + at, sizeof encrypted);
        kms_rijndael_decrypt(&cipher, bytes + at);
        add_block(bytes + at, before);
        memcpy(before, encrypted, sizeof before);
    }
}

void kms_cipher_encrypt(unsigned version, const uint8_t iv[KMS_BLOCK_SIZE], uint8_t *bytes,
                        size_t len)
{
    if (version == 6) {
        encrypt6(iv, bytes, len);
        return;
    }
    struct aes128_ctx aes;
    uint8_t chain[AES_BLOCK_SIZE];
    memcpy(chain, iv, sizeof chain);
    aes128_set_encrypt_key(&aes, key5);
    cbc_encrypt(&aes, (nettle_cipher_func *)aes128_encrypt, sizeof chain, chain, len, bytes, bytes);
}

void kms_cipher_decrypt(unsigned version, const uint8_t iv[KMS_BLOCK_SIZE], uint8_t *bytes,
                        size_t len)
{
    if (version == 6) {
        decrypt6(iv, bytes, len);
        return;
    }
    struct aes128_ctx aes;
    uint8_t chain[AES_BLOCK_SIZE];
    memcpy(chain, iv, sizeof chain);
    aes128_set_decrypt_key(&aes, key5);
    cbc_decrypt(&aes, (nettle_cipher_func *)aes128_decrypt, sizeof chain, chain, len, bytes, bytes);
}

void kms_cipher_decrypt_block(unsigned version, const uint8_t block[KMS_BLOCK_SIZE],
                              uint8_t ret[KMS_BLOCK_SIZE])
{
    static const uint8_t no_iv[KMS_BLOCK_SIZE] = {0};
    uint8_t bytes[KMS_BLOCK_SIZE];
    memcpy(bytes, block, sizeof bytes);
    kms_cipher_decrypt(version, no_iv, bytes, sizeof bytes);
    memcpy(ret, bytes, sizeof bytes);
}

void kms_cipher_hash(const uint8_t *bytes, size_t len, uint8_t ret[KMS_HASH_SIZE])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, len, bytes);
    sha256_digest(&hash, KMS_HASH_SIZE, ret);
}

void kms_cipher_key6(uint64_t filetime, uint8_t ret[KMS_BLOCK_SIZE])
{
    uint64_t seed = filetime / SLOT_LENGTH * SEED_FACTOR + SEED_ADDEND;
    uint8_t bytes[8], hash[KMS_HASH_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(seed >> 8 * i);
    }
    kms_cipher_hash(bytes, sizeof bytes, hash);
    memcpy(ret, hash + KMS_HASH_SIZE - KMS_BLOCK_SIZE, KMS_BLOCK_SIZE);
}

void kms_cipher_tag6(uint64_t filetime, const uint8_t salt[KMS_BLOCK_SIZE], const uint8_t *bytes,
                     size_t len, uint8_t ret[KMS_BLOCK_SIZE])
{
    uint8_t key[KMS_BLOCK_SIZE], hash[KMS_HASH_SIZE];
    struct hmac_sha256_ctx hmac;
    kms_cipher_key6(filetime, key);
    hmac_sha256_set_key(&hmac, sizeof key, key);
    hmac_sha256_update(&hmac, KMS_BLOCK_SIZE, salt);
    hmac_sha256_update(&hmac, len, bytes);
    hmac_sha256_digest(&hmac, sizeof hash, hash);
    memcpy(ret, hash + KMS_HASH_SIZE - KMS_BLOCK_SIZE, KMS_BLOCK_SIZE);
}
