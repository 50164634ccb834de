/* Hashes a certificate as its own signature algorithm says, for channel binding. */
#include "wsman/binding.h"

#include <stdbool.h>
#include <string.h>

#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>

#include "base/text.h"
#include "wsman/der.h"

/* RFC 4055, RFC 5758: with RSA, ECDSA, DSA; and the bare hashes, which RSASSA-PSS names. All
 * others, MD5 and SHA-1 first of all, count as SHA-256. */
static const struct nettle_hash *hash_of(const uint8_t *oid, size_t len)
{
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};
    static const uint8_t ecdsa[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03};
    static const uint8_t dsa[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03};
    static const uint8_t bare[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};
    static const struct {
        const uint8_t *prefix;
        size_t len;
        uint8_t sha384, sha512; /* the last arc */
    } families[] = {
        {rsa, sizeof rsa, 12, 13},
        {ecdsa, sizeof ecdsa, 3, 4},
        {dsa, sizeof dsa, 3, 4},
        {bare, sizeof bare, 2, 3},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(families); i++) {
        if (len == families[i].len + 1 && memcmp(oid, families[i].prefix, len - 1) == 0) {
            uint8_t arc = oid[len - 1];
            return arc == families[i].sha384   ? &nettle_sha384
                   : arc == families[i].sha512 ? &nettle_sha512
                                               : &nettle_sha256;
        }
    }
    return &nettle_sha256;
}

static bool read_oid(struct kms_rd *rd, const uint8_t **ret, size_t *ret_len)
{
    struct kms_rd oid;
    if (!kms_der_read(rd, KMS_DER_OID, &oid)) {
        return false;
    }
    *ret_len = kms_rd_left(&oid);
    return kms_rd_span(&oid, *ret_len, ret);
}

/* AlgorithmIdentifier. RSASSA-PSS (RFC 4055, 3.1) names its hash in the parameters; without, SHA-1.
 */
static bool read_algorithm(struct kms_rd *algorithm, const struct nettle_hash **ret)
{
    static const uint8_t pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
    const uint8_t *oid = NULL;
    size_t len = 0;
    if (!read_oid(algorithm, &oid, &len)) {
        return false;
    }
    *ret = hash_of(oid, len);
    if (len != sizeof pss || memcmp(oid, pss, len) != 0) {
        return true;
    }
    struct kms_rd parameters;
    struct kms_rd named;
    struct kms_rd hash;
    if (!kms_der_read(algorithm, KMS_DER_SEQUENCE, &parameters)) {
        return false;
    }
    if (kms_der_read(&parameters, KMS_DER_CONTEXT(0), &named)) {
        if (!kms_der_read(&named, KMS_DER_SEQUENCE, &hash) || !read_oid(&hash, &oid, &len)) {
            return false;
        }
        *ret = hash_of(oid, len);
    }
    return true;
}

/* RFC 5280, 4.1: Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }. */
static bool read_certificate(struct kms_rd *rd, const struct nettle_hash **ret, size_t *ret_at)
{
    struct kms_rd certificate;
    struct kms_rd part;
    *ret_at = 0;
    if (!kms_der_read(rd, KMS_DER_SEQUENCE, &certificate)) {
        return false;
    }
    *ret_at = rd->at;
    if (kms_rd_left(rd) != 0) {
        return false;
    }
    *ret_at = rd->len - kms_rd_left(&certificate);
    if (!kms_der_read(&certificate, KMS_DER_SEQUENCE, &part)) {
        return false;
    }
    *ret_at = rd->len - kms_rd_left(&certificate);
    if (!kms_der_read(&certificate, KMS_DER_SEQUENCE, &part) || !read_algorithm(&part, ret)) {
        return false;
    }
    *ret_at = rd->len - kms_rd_left(&certificate);
    return kms_der_read(&certificate, KMS_DER_BITS, &part) && kms_rd_left(&certificate) == 0;
}

enum kms_status kms_binding_of(const uint8_t *der, size_t len, uint8_t ret[KMS_BINDING_SIZE],
                               size_t *ret_len, struct kms_fault *fault)
{
    static const char prefix[] = "tls-server-end-point:";
    struct kms_rd rd = kms_rd_over(der, len);
    const struct nettle_hash *hash = NULL;
    size_t at = 0;
    if (!read_certificate(&rd, &hash, &at)) {
        return kms_fault_set(fault, KMS_EINVAL, at, "the server's certificate is not a whole one");
    }
    union {
        struct sha256_ctx sha256;
        struct sha512_ctx sha512; /* of SHA-384 too */
    } state;
    hash->init(&state);
    hash->update(&state, len, der);
    memcpy(ret, prefix, sizeof prefix - 1);
    hash->digest(&state, hash->digest_size, ret + sizeof prefix - 1);
    *ret_len = sizeof prefix - 1 + hash->digest_size;
    return KMS_OK;
}
