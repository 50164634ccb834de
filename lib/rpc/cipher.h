/* The cryptography of the KMS messages: two ciphers that no library has, and what the messages make
 * of them. Constants of the protocol, no secrets: they guard against accidents. */
#ifndef KMS_RPC_CIPHER_H
#define KMS_RPC_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#define KMS_BLOCK_SIZE 16
#define KMS_HASH_SIZE  32

/* Message version 4: CBC-MAC of Rijndael with a 160-bit key, 0x80 and zeros as padding, always. */
void kms_cipher_mac4(const uint8_t *bytes, size_t len, uint8_t ret[KMS_BLOCK_SIZE]);

/* Versions 5 (plain AES-128) and 6 (AES-128 with three altered round keys): CBC over whole blocks,
 * in place. version is 5 or 6, len a multiple of KMS_BLOCK_SIZE. */
void kms_cipher_encrypt(unsigned version, const uint8_t iv[KMS_BLOCK_SIZE], uint8_t *bytes,
                        size_t len);
void kms_cipher_decrypt(unsigned version, const uint8_t iv[KMS_BLOCK_SIZE], uint8_t *bytes,
                        size_t len);
/* One block without chaining: what both sides call the salt of an IV. */
void kms_cipher_decrypt_block(unsigned version, const uint8_t block[KMS_BLOCK_SIZE],
                              uint8_t ret[KMS_BLOCK_SIZE]);

/* SHA-256. */
void kms_cipher_hash(const uint8_t *bytes, size_t len, uint8_t ret[KMS_HASH_SIZE]);
/* The tag of a version 6 reply: the last 16 bytes of HMAC-SHA256 over salt and bytes, under the key
 * of the time slot that filetime (100 ns since 1601, UTC) lies in. */
void kms_cipher_tag6(uint64_t filetime, const uint8_t salt[KMS_BLOCK_SIZE], const uint8_t *bytes,
                     size_t len, uint8_t ret[KMS_BLOCK_SIZE]);
/* The key of that slot. */
void kms_cipher_key6(uint64_t filetime, uint8_t ret[KMS_BLOCK_SIZE]);

#endif
