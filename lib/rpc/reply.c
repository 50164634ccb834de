/* Takes a reply apart: lengths first, then what proves that it is whole, then what it repeats of
 * the request. */
#include "rpc/reply.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

#define EPID_BYTES_MAX 128
#define AROUND_EPID    44 /* the base reply without its ePID */
#define PROOF_SIZE     (KMS_BLOCK_SIZE + KMS_HASH_SIZE)
#define CLEAR_SIZE     (4 + KMS_BLOCK_SIZE) /* versions 5 and 6: version and IV */
/* Version 6, behind the proof: hardware id, salt, tag. */
#define TAIL6_SIZE (KMS_HWID_SIZE + 2 * KMS_BLOCK_SIZE)

/* The base reply, in its places. */
struct base {
    uint32_t version;
    const uint8_t *epid;
    uint32_t epid_size;
    const uint8_t *cmid;
    uint64_t filetime;
    uint32_t count, activation, renewal;
    const uint8_t *rest; /* what its version puts behind */
};

static bool fail(struct kms_reply *reply, enum kms_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct kms_reply *reply, enum kms_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *reply = (struct kms_reply){.outcome = outcome};
    (void)kms_text_vformat(reply->detail, sizeof reply->detail, format, args);
    va_end(args);
    return false;
}

static uint32_t version_of(const struct kms_ask *ask)
{
    return (uint32_t)ask->major << 16 | ask->minor;
}

static bool same_version(struct kms_reply *reply, uint32_t version, const struct kms_ask *ask)
{
    return version == version_of(ask) ||
           fail(reply, KMS_OUTCOME_REPLY_VERSION, "version %u.%u, asked in %u.%u",
                (unsigned)(version >> 16), (unsigned)(version & 0xffff), (unsigned)ask->major,
                (unsigned)ask->minor);
}

/* Reads the base from the front of a body that holds behind more bytes after it, and no others. */
static bool read_base(struct kms_reply *reply, const uint8_t *body, size_t len, size_t behind,
                      struct base *ret)
{
    struct kms_rd rd = kms_rd_over(body, len);
    rd.little = true;
    if (!kms_rd_u32(&rd, &ret->version) || !kms_rd_u32(&rd, &ret->epid_size)) {
        return fail(reply, KMS_OUTCOME_REPLY_LENGTH, "a body of %zu bytes", len);
    }
    if (ret->epid_size < 2 || ret->epid_size > EPID_BYTES_MAX || ret->epid_size % 2 != 0) {
        return fail(reply, KMS_OUTCOME_REPLY_EPID,
                    "its length is %u bytes; allowed: an even number, 2 to 128",
                    (unsigned)ret->epid_size);
    }
    if (len != AROUND_EPID + ret->epid_size + behind) {
        return fail(reply, KMS_OUTCOME_REPLY_LENGTH, "a body of %zu bytes, its fields make %zu",
                    len, AROUND_EPID + ret->epid_size + behind);
    }
    uint32_t low, high;
    bool whole = kms_rd_span(&rd, ret->epid_size, &ret->epid) &&
                 kms_rd_span(&rd, KMS_GUID_SIZE, &ret->cmid) && kms_rd_u32(&rd, &low) &&
                 kms_rd_u32(&rd, &high) && kms_rd_u32(&rd, &ret->count) &&
                 kms_rd_u32(&rd, &ret->activation) && kms_rd_u32(&rd, &ret->renewal) &&
                 kms_rd_span(&rd, behind, &ret->rest);
    if (!whole) {
        return fail(reply, KMS_OUTCOME_REPLY_LENGTH, "a body of %zu bytes", len);
    }
    ret->filetime = (uint64_t)high << 32 | low;
    return true;
}

/* A text for terminals and SNMP: what is not printable ASCII becomes '?'. */
static bool take_epid(struct kms_reply *reply, const struct base *base)
{
    struct kms_rd rd = kms_rd_over(base->epid, base->epid_size);
    rd.little = true;
    size_t units = base->epid_size / 2;
    reply->epid_clean = true;
    for (size_t i = 0; i < units; i++) {
        uint16_t unit = 0;
        (void)kms_rd_u16(&rd, &unit);
        if ((unit == 0) != (i + 1 == units)) {
            return fail(reply, KMS_OUTCOME_REPLY_EPID,
                        unit == 0 ? "it holds a zero inside" : "it does not end in a zero");
        }
        bool printable = unit == 0 || (unit >= 0x20 && unit < 0x7f);
        reply->epid[i] = (char)(printable ? (uint8_t)unit : (uint8_t)'?');
        reply->epid_clean = reply->epid_clean && printable;
    }
    return units > 1 || fail(reply, KMS_OUTCOME_REPLY_EPID, "it is empty");
}

/* What the reply must repeat of the request; the fields are filled only after that. */
static bool take_base(struct kms_reply *reply, const struct base *base, const struct kms_ask *ask)
{
    if (!same_version(reply, base->version, ask)) {
        return false;
    }
    if (memcmp(base->cmid, ask->cmid.wire, KMS_GUID_SIZE) != 0) {
        struct kms_guid got;
        char text[KMS_GUID_TEXT];
        memcpy(got.wire, base->cmid, sizeof got.wire);
        kms_guid_text(&got, text);
        return fail(reply, KMS_OUTCOME_REPLY_CMID, "it names the client %s", text);
    }
    if (base->filetime != ask->filetime) {
        return fail(reply, KMS_OUTCOME_REPLY_TIME, "it repeats %llu, sent was %llu",
                    (unsigned long long)base->filetime, (unsigned long long)ask->filetime);
    }
    if (!take_epid(reply, base)) {
        return false;
    }
    reply->count = base->count;
    reply->activation_minutes = base->activation;
    reply->renewal_minutes = base->renewal;
    return true;
}

static void read4(struct kms_reply *reply, const uint8_t *bytes, size_t len,
                  const struct kms_ask *ask)
{
    struct base base;
    uint8_t mac[KMS_BLOCK_SIZE];
    if (!read_base(reply, bytes, len, KMS_BLOCK_SIZE, &base)) {
        return;
    }
    size_t covered = len - KMS_BLOCK_SIZE;
    kms_cipher_mac4(bytes, covered, mac);
    if (memcmp(mac, base.rest, sizeof mac) != 0) {
        (void)fail(reply, KMS_OUTCOME_REPLY_MAC, "the last 16 of %zu bytes", len);
        return;
    }
    (void)take_base(reply, &base, ask);
}

/* Decrypts a copy of what follows version and IV, and takes the padding away (RFC 5652 6.3). */
static bool decrypt(struct kms_reply *reply, const uint8_t *bytes, size_t len, unsigned version,
                    uint8_t *body, size_t *ret_len)
{
    if (len <= CLEAR_SIZE || len > KMS_REPLY_MAX || (len - CLEAR_SIZE) % KMS_BLOCK_SIZE != 0) {
        return fail(reply, KMS_OUTCOME_REPLY_LENGTH,
                    "%zu bytes; allowed: 20 and whole blocks of 16, at most %d", len,
                    KMS_REPLY_MAX);
    }
    size_t size = len - CLEAR_SIZE;
    memcpy(body, bytes + CLEAR_SIZE, size);
    kms_cipher_decrypt(version, bytes + 4, body, size);
    size_t padding = body[size - 1];
    if (padding == 0 || padding > KMS_BLOCK_SIZE) {
        return fail(reply, KMS_OUTCOME_REPLY_PADDING, "its last byte is %zu; allowed: 1 to 16",
                    padding);
    }
    for (size_t i = size - padding; i < size; i++) {
        if (body[i] != padding) {
            return fail(reply, KMS_OUTCOME_REPLY_PADDING, "its bytes are not all %zu", padding);
        }
    }
    *ret_len = size - padding;
    return true;
}

/* The host proves that it read the request: a random block under the salt, and its hash. */
static bool check_proof(struct kms_reply *reply, const uint8_t *proof,
                        const uint8_t salt[KMS_BLOCK_SIZE])
{
    uint8_t random[KMS_BLOCK_SIZE], hash[KMS_HASH_SIZE];
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = proof[i] ^ salt[i];
    }
    kms_cipher_hash(random, sizeof random, hash);
    return memcmp(hash, proof + KMS_BLOCK_SIZE, sizeof hash) == 0 ||
           fail(reply, KMS_OUTCOME_REPLY_HASH, "the hash does not fit the random block");
}

static void read5(struct kms_reply *reply, const uint8_t *bytes, size_t len,
                  const struct kms_ask *ask)
{
    uint8_t body[KMS_REPLY_MAX], salt[KMS_BLOCK_SIZE];
    size_t body_len = 0;
    struct base base;
    if (len >= CLEAR_SIZE && memcmp(bytes + 4, ask->iv, sizeof ask->iv) != 0) {
        (void)fail(reply, KMS_OUTCOME_REPLY_IV, "bytes 4 to 19 are not those of the request");
        return;
    }
    kms_cipher_decrypt_block(ask->major, ask->iv, salt);
    if (decrypt(reply, bytes, len, ask->major, body, &body_len) &&
        read_base(reply, body, body_len, PROOF_SIZE, &base) &&
        check_proof(reply, base.rest, salt)) {
        (void)take_base(reply, &base, ask);
    }
}

/* The tag covers everything in front of it; the key comes from the time in the reply, so that a
 * reply to another request is told by its time and not by its tag. */
static bool check_tag(struct kms_reply *reply, const uint8_t *iv, const uint8_t *body, size_t len,
                      const struct base *base)
{
    uint8_t salt[KMS_BLOCK_SIZE], tag[KMS_BLOCK_SIZE];
    size_t covered = len - sizeof tag;
    kms_cipher_decrypt_block(6, iv, salt);
    kms_cipher_tag6(base->filetime, salt, body, covered, tag);
    return memcmp(tag, body + covered, sizeof tag) == 0 ||
           fail(reply, KMS_OUTCOME_REPLY_MAC, "the last 16 bytes, an HMAC");
}

static void read6(struct kms_reply *reply, const uint8_t *bytes, size_t len,
                  const struct kms_ask *ask)
{
    uint8_t body[KMS_REPLY_MAX], salt[KMS_BLOCK_SIZE];
    size_t body_len = 0;
    struct base base;
    if (!decrypt(reply, bytes, len, ask->major, body, &body_len) ||
        !read_base(reply, body, body_len, PROOF_SIZE + TAIL6_SIZE, &base) ||
        !check_tag(reply, bytes + 4, body, body_len, &base)) {
        return;
    }
    const uint8_t *tail = base.rest + PROOF_SIZE;
    kms_cipher_decrypt_block(ask->major, ask->iv, salt);
    if (memcmp(tail + KMS_HWID_SIZE, salt, sizeof salt) != 0) {
        (void)fail(reply, KMS_OUTCOME_REPLY_SALT, "the copy of the request's salt differs");
        return;
    }
    if (!check_proof(reply, base.rest, salt) || !take_base(reply, &base, ask)) {
        return;
    }
    reply->has_hwid = true;
    memcpy(reply->hwid, tail, sizeof reply->hwid);
    reply->iv_reused = memcmp(bytes + 4, ask->iv, sizeof ask->iv) == 0;
}

struct kms_reply kms_reply_read(const uint8_t *bytes, size_t len, const struct kms_ask *ask)
{
    struct kms_reply reply = {.outcome = KMS_OUTCOME_OK};
    struct kms_rd rd = kms_rd_over(bytes, len);
    uint32_t version;
    rd.little = true;
    if (!kms_rd_u32(&rd, &version) || len > KMS_REPLY_MAX) {
        (void)fail(&reply, KMS_OUTCOME_REPLY_LENGTH, "a message of %zu bytes", len);
        return reply;
    }
    if (!same_version(&reply, version, ask)) {
        return reply;
    }
    switch (ask->major) {
    case 4:
        read4(&reply, bytes, len, ask);
        break;
    case 5:
        read5(&reply, bytes, len, ask);
        break;
    case 6:
        read6(&reply, bytes, len, ask);
        break;
    default:
        (void)fail(&reply, KMS_OUTCOME_REPLY_VERSION, "version %u is not known",
                   (unsigned)ask->major);
    }
    return reply;
}
