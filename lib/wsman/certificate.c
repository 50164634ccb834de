/* Takes a certificate apart as far as people want to read it. */
#include "wsman/certificate.h"

#include <stdbool.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/bytes.h"
#include "base/text.h"
#include "wsman/der.h"

enum {
    TAG_INTEGER = 0x02,
    TAG_UTC_TIME = 0x17,
    TAG_GENERAL_TIME = 0x18,
    TAG_BOOLEAN = 0x01,
    TAG_BMP = 0x1e,
    TAG_DNS_NAME = 0x82 /* [2] of GeneralName */
};

/* ---- names ---- */

/* RFC 4519 and RFC 2985: what certificates of servers are named with. */
static const char *attribute_of(const uint8_t *oid, size_t len)
{
    static const uint8_t mail[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01};
    static const uint8_t domain[] = {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19};
    static const struct {
        uint8_t last;
        const char *name;
    } of_x520[] = {{3, "CN"}, {6, "C"}, {7, "L"}, {8, "ST"}, {10, "O"}, {11, "OU"}};
    if (len == 3 && oid[0] == 0x55 && oid[1] == 0x04) {
        for (size_t i = 0; i < KMS_COUNT_OF(of_x520); i++) {
            if (of_x520[i].last == oid[2]) {
                return of_x520[i].name;
            }
        }
    }
    if (len == sizeof mail && memcmp(oid, mail, len) == 0) {
        return "emailAddress";
    }
    return len == sizeof domain && memcmp(oid, domain, len) == 0 ? "DC" : "?";
}

static bool read_any(struct kms_rd *rd, uint8_t *ret_tag, struct kms_rd *ret)
{
    return kms_rd_left(rd) > 0 && (*ret_tag = rd->p[rd->at], kms_der_read(rd, *ret_tag, ret));
}

/* UTF-16 of old CAs loses all but its ASCII. */
static void append_value(struct kms_rd *value, uint8_t tag, char *dst, size_t size)
{
    char text[128];
    char clean[128];
    size_t len = 0;
    uint8_t byte = 0;
    while (len < sizeof text && kms_rd_u8(value, &byte)) {
        bool high = tag == TAG_BMP && value->at % 2 == 1;
        if (!high) {
            text[len++] = (char)byte;
        }
    }
    kms_text_clean(clean, sizeof clean, text, len);
    kms_text_append(dst, size, "%s", clean);
}

static bool read_attribute(struct kms_rd *set, char *dst, size_t size)
{
    struct kms_rd pair;
    struct kms_rd oid;
    struct kms_rd value;
    const uint8_t *bytes = NULL;
    uint8_t tag = 0;
    if (!kms_der_read(set, KMS_DER_SEQUENCE, &pair) || !kms_der_read(&pair, KMS_DER_OID, &oid)) {
        return false;
    }
    size_t len = kms_rd_left(&oid);
    if (!kms_rd_span(&oid, len, &bytes) || !read_any(&pair, &tag, &value)) {
        return false;
    }
    kms_text_append(dst, size, "%s%s=", dst[0] ? ", " : "", attribute_of(bytes, len));
    append_value(&value, tag, dst, size);
    return true;
}

/* RFC 5280, 4.1.2.4. */
static bool read_name(struct kms_rd *rd, char *dst, size_t size)
{
    struct kms_rd name;
    struct kms_rd set;
    dst[0] = '\0';
    if (!kms_der_read(rd, KMS_DER_SEQUENCE, &name)) {
        return false;
    }
    while (kms_rd_left(&name) > 0) {
        if (!kms_der_read(&name, KMS_DER_SET, &set)) {
            return false;
        }
        while (kms_rd_left(&set) > 0) {
            if (!read_attribute(&set, dst, size)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- validity ---- */

static bool read_number(struct kms_rd *rd, unsigned digits, int64_t *ret)
{
    int64_t number = 0;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t digit = 0;
        if (!kms_rd_u8(rd, &digit) || digit < '0' || digit > '9') {
            return false;
        }
        number = number * 10 + (digit - '0');
    }
    *ret = number;
    return true;
}

/* RFC 5280, 4.1.2.5: YYMMDDHHMMSSZ until 2049, YYYYMMDDHHMMSSZ from then on. */
static bool read_time(struct kms_rd *rd, int64_t *ret_s)
{
    struct kms_rd time;
    uint8_t tag = 0;
    int64_t year, month, day, hour, minute, second, days;
    if (!read_any(rd, &tag, &time) || (tag != TAG_UTC_TIME && tag != TAG_GENERAL_TIME) ||
        !read_number(&time, tag == TAG_UTC_TIME ? 2 : 4, &year) || !read_number(&time, 2, &month) ||
        !read_number(&time, 2, &day) || !read_number(&time, 2, &hour) ||
        !read_number(&time, 2, &minute) || !read_number(&time, 2, &second)) {
        return false;
    }
    if (tag == TAG_UTC_TIME) {
        year += year < 50 ? 2000 : 1900;
    }
    if (!kms_date_days(year, (unsigned)month, (unsigned)day, &days)) {
        return false;
    }
    *ret_s = days * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

/* ---- extensions ---- */

static void read_dns_names(struct kms_rd *octets, struct kms_certificate *ret)
{
    struct kms_rd names;
    struct kms_rd name;
    uint8_t tag = 0;
    if (!kms_der_read(octets, KMS_DER_SEQUENCE, &names)) {
        return;
    }
    while (read_any(&names, &tag, &name)) {
        if (tag == TAG_DNS_NAME) {
            kms_text_append(ret->names, sizeof ret->names, "%s", ret->names[0] ? ", " : "");
            append_value(&name, tag, ret->names, sizeof ret->names);
        }
    }
}

/* RFC 5280, 4.2.1.6. What cannot be read is left out: nothing hangs on it. */
static void read_extensions(struct kms_rd *certificate, struct kms_certificate *ret)
{
    static const uint8_t alternative_name[] = {0x55, 0x1d, 0x11};
    struct kms_rd outer, list, one, oid, octets, critical;
    if (!kms_der_read(certificate, KMS_DER_CONTEXT(3), &outer) ||
        !kms_der_read(&outer, KMS_DER_SEQUENCE, &list)) {
        return;
    }
    while (kms_der_read(&list, KMS_DER_SEQUENCE, &one)) {
        if (!kms_der_read(&one, KMS_DER_OID, &oid)) {
            return;
        }
        (void)kms_der_read(&one, TAG_BOOLEAN, &critical);
        if (kms_rd_match(&oid, alternative_name, sizeof alternative_name) &&
            kms_der_read(&one, KMS_DER_OCTETS, &octets)) {
            read_dns_names(&octets, ret);
        }
    }
}

/* ---- the certificate ---- */

static void write_pin(const uint8_t *key, size_t len, char ret[65])
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, len, key);
    sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        kms_text_format(ret + 2 * i, 3, "%02x", digest[i]);
    }
}

static bool read_body(struct kms_rd *body, struct kms_certificate *ret)
{
    struct kms_rd skipped;
    struct kms_rd validity;
    (void)kms_der_read(body, KMS_DER_CONTEXT(0), &skipped); /* the version, when it is not 1 */
    if (!kms_der_read(body, TAG_INTEGER, &skipped) ||
        !kms_der_read(body, KMS_DER_SEQUENCE, &skipped) ||
        !read_name(body, ret->issuer, sizeof ret->issuer) ||
        !kms_der_read(body, KMS_DER_SEQUENCE, &validity) || !read_time(&validity, &ret->from_s) ||
        !read_time(&validity, &ret->until_s) ||
        !read_name(body, ret->subject, sizeof ret->subject)) {
        return false;
    }
    size_t key_at = body->at;
    if (!kms_der_read(body, KMS_DER_SEQUENCE, &skipped)) {
        return false;
    }
    write_pin(body->p + key_at, body->at - key_at, ret->pin);
    (void)kms_der_read(body, 0x81, &skipped); /* unique identifiers, of version 2 */
    (void)kms_der_read(body, 0x82, &skipped);
    read_extensions(body, ret);
    return true;
}

enum kms_status kms_certificate_read(const uint8_t *der, size_t len, struct kms_certificate *ret,
                                     struct kms_fault *fault)
{
    struct kms_certificate read = {.subject = ""};
    struct kms_rd rd = kms_rd_over(der, len);
    struct kms_rd certificate;
    struct kms_rd body;
    if (!kms_der_read(&rd, KMS_DER_SEQUENCE, &certificate) ||
        !kms_der_read(&certificate, KMS_DER_SEQUENCE, &body) || !read_body(&body, &read)) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "the server's certificate cannot be read");
    }
    *ret = read;
    return KMS_OK;
}
