/* Rijndael as no library offers it: a 160-bit key, and AES-128 with altered round keys (FIPS 197's
 * recipe otherwise). */
#ifndef KMS_RPC_RIJNDAEL_H
#define KMS_RPC_RIJNDAEL_H

#include <stddef.h>
#include <stdint.h>

#define KMS_RIJNDAEL_BLOCK      16
#define KMS_RIJNDAEL_ROUNDS_MAX 11

struct kms_rijndael {
    unsigned rounds;
    uint8_t key[KMS_RIJNDAEL_ROUNDS_MAX + 1][KMS_RIJNDAEL_BLOCK];
};

/* Round keys of a key of 4 or 5 words: 10 or 11 rounds. */
struct kms_rijndael kms_rijndael_expand(const uint8_t *key, unsigned words);
/* In place. */
void kms_rijndael_encrypt(const struct kms_rijndael *cipher, uint8_t block[KMS_RIJNDAEL_BLOCK]);
void kms_rijndael_decrypt(const struct kms_rijndael *cipher, uint8_t block[KMS_RIJNDAEL_BLOCK]);

#endif
