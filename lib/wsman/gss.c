/* Makes a security context inside SPNEGO with Kerberos or NTLM, and seals messages with it. */
#include "wsman/gss.h"

#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <nettle/md4.h>

#include "base/secret.h"
#include "base/text.h"
#include "wsman/binding.h"
#include "wsman/ticket.h"

/* What gss-ntlmssp puts in front of the sealed bytes: [MS-NLMP] 2.2.2.9. */
#define NTLM_SIGNATURE_LEN 16

enum mechanism { NO_MECHANISM, KERBEROS, NTLM };

struct kms_gss {
    struct kms_credentials credentials;
    char *service;
    char *host;
    bool seal;
    uint8_t binding[KMS_BINDING_SIZE];
    size_t binding_len; /* 0: none */

    enum mechanism mechanism;
    struct kms_tickets *tickets; /* outlive cred, which names them */
    gss_cred_id_t cred;
    gss_name_t target;
    gss_ctx_id_t context;
    bool complete;
    bool broken;           /* nothing more may be done with it */
    char passed_over[200]; /* why NTLM and not Kerberos */
};

static gss_OID_desc spnego = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc kerberos = {9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static gss_OID_desc ntlm = {10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

static bool is_oid(gss_const_OID a, gss_const_OID b)
{
    return a && a->length == b->length && memcmp(a->elements, b->elements, b->length) == 0;
}

/* GSS-API takes what it only reads without const. */
static gss_buffer_desc buffer_over(const void *bytes, size_t len)
{
    gss_buffer_desc buffer = {len, NULL};
    memcpy(&buffer.value, &bytes, sizeof bytes);
    return buffer;
}

/* ---- birth and death ---- */

struct kms_gss *kms_gss_new(const struct kms_gss_config *config)
{
    struct kms_gss *gss = calloc(1, sizeof *gss);
    if (!gss) {
        return NULL;
    }
    gss->service = kms_text_dup(config->service ? config->service : "HTTP");
    gss->host = kms_text_dup(config->host);
    gss->seal = config->seal;
    if (!gss->service || !gss->host ||
        kms_credentials_copy(&gss->credentials, config->credentials) != KMS_OK) {
        kms_gss_free(gss);
        return NULL;
    }
    return gss;
}

void kms_gss_free(struct kms_gss *gss)
{
    if (!gss) {
        return;
    }
    OM_uint32 minor = 0;
    if (gss->context != GSS_C_NO_CONTEXT) {
        (void)gss_delete_sec_context(&minor, &gss->context, GSS_C_NO_BUFFER);
    }
    (void)gss_release_cred(&minor, &gss->cred);
    (void)gss_release_name(&minor, &gss->target);
    kms_tickets_free(gss->tickets);
    kms_credentials_done(&gss->credentials);
    free(gss->service);
    free(gss->host);
    free(gss);
}

enum kms_status kms_gss_bind_certificate(struct kms_gss *gss, const uint8_t *der, size_t len)
{
    return kms_binding_of(der, len, gss->binding, &gss->binding_len, NULL);
}

const char *kms_gss_mechanism(const struct kms_gss *gss)
{
    if (!gss->complete) {
        return "";
    }
    return gss->mechanism == KERBEROS ? "Kerberos" : "NTLM";
}

const char *kms_gss_passed_over(const struct kms_gss *gss)
{
    return gss->passed_over;
}

/* ---- what the mechanism says ---- */

/* " (its own words)", "" when it has none: NTLM never has. Codes are not worth showing: the library
 * numbers them anew in each process. */
static void read_words(OM_uint32 major, OM_uint32 minor, bool has_words, char *dst, size_t size)
{
    OM_uint32 ignored = 0;
    OM_uint32 more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 value = minor != 0 ? minor : major;
    int kind = minor != 0 ? GSS_C_MECH_CODE : GSS_C_GSS_CODE;
    char clean[80] = "";
    dst[0] = '\0';
    if (!has_words || !GSS_ERROR(major)) {
        return;
    }
    if (!GSS_ERROR(gss_display_status(&ignored, value, kind, &spnego, &more, &text))) {
        kms_text_clean(clean, sizeof clean, text.value, text.length);
        (void)gss_release_buffer(&ignored, &text);
        (void)kms_text_format(dst, size, " (%s)", clean);
    }
}

static const char *cause_of(OM_uint32 major)
{
    switch (GSS_ROUTINE_ERROR(major)) {
    case GSS_S_DEFECTIVE_TOKEN:
        return "the host's token is damaged; look for a proxy that changes Negotiate";
    case GSS_S_BAD_SIG:
        return "the host's token has a wrong signature: its key or the password is another one";
    case GSS_S_BAD_MECH:
        return "the host chose a mechanism that was not offered";
    case GSS_S_BAD_BINDINGS:
        return "channel binding disagrees; look for a proxy that ends TLS";
    case GSS_S_CONTEXT_EXPIRED:
    case GSS_S_CREDENTIALS_EXPIRED:
        return "the ticket has expired; look at the clocks of monitor and host";
    case GSS_S_DUPLICATE_TOKEN:
    case GSS_S_OLD_TOKEN:
        return "the host's token is one from before";
    default:
        return "the exchange failed; look at the security log and the clock of the host";
    }
}

static void say(const struct kms_gss *gss, struct kms_gss_step *ret, enum kms_outcome outcome,
                const char *cause, OM_uint32 major, OM_uint32 minor)
{
    char words[100];
    read_words(major, minor, gss->mechanism != NTLM, words, sizeof words);
    ret->outcome = outcome;
    (void)kms_text_format(ret->detail, sizeof ret->detail, "%s%s", cause, words);
}

static void say_only(struct kms_gss_step *ret, enum kms_outcome outcome, const char *text)
{
    ret->outcome = outcome;
    (void)kms_text_copy(ret->detail, sizeof ret->detail, text);
}

/* ---- credentials ---- */

static bool is_installed(gss_const_OID wanted)
{
    OM_uint32 minor = 0;
    gss_OID_set all = GSS_C_NO_OID_SET;
    int present = 0;
    if (!GSS_ERROR(gss_indicate_mechs(&minor, &all))) {
        (void)gss_test_oid_set_member(&minor, (gss_OID)wanted, all, &present);
        (void)gss_release_oid_set(&minor, &all);
    }
    return present != 0;
}

/* Credentials of SPNEGO that contain those of one mechanism: made for the mechanism itself, SPNEGO
 * would not find them. store must fit no other mechanism than the wanted one, since SPNEGO asks all
 * of them. */
static OM_uint32 acquire(struct kms_gss *gss, const char *user, gss_OID mechanism,
                         const gss_key_value_set_desc *store, OM_uint32 *ret_minor)
{
    OM_uint32 ignored = 0;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major = GSS_S_COMPLETE;
    if (user) {
        gss_buffer_desc text = buffer_over(user, strlen(user));
        major = gss_import_name(ret_minor, &text, GSS_C_NT_USER_NAME, &name);
    }
    if (!GSS_ERROR(major)) {
        gss_OID_set_desc outer = {1, &spnego};
        major = gss_acquire_cred_from(ret_minor, name, 0, &outer, GSS_C_INITIATE, store, &gss->cred,
                                      NULL, NULL);
    }
    if (!GSS_ERROR(major)) {
        gss_OID_set_desc inner = {1, mechanism};
        major = gss_set_neg_mechs(ret_minor, gss->cred, &inner);
    }
    (void)gss_release_name(&ignored, &name);
    return major;
}

/* Whether it goes on with Kerberos; if not, another method may only be tried when ret says so. */
static bool use_kerberos(struct kms_gss *gss, const char *password, struct kms_gss_step *ret,
                         bool *ret_refused)
{
    const struct kms_credentials *who = &gss->credentials;
    *ret_refused = false;
    if (who->user && strchr(who->user, '\\')) {
        say_only(ret, KMS_OUTCOME_WSMAN_KERBEROS,
                 "Kerberos wants user@REALM; DOMAIN\\user is a name of NTLM");
        return false;
    }
    const struct kms_tickets_config config = {
        .user = who->user,
        .password = password,
        .keytab = password ? NULL : who->keytab,
        .ccache = password || who->keytab ? NULL : who->ccache,
        .service = gss->service,
        .host = gss->host,
    };
    struct kms_tickets_end end;
    gss->tickets = kms_tickets_get(&config, &end);
    if (!gss->tickets) {
        say_only(ret, end.outcome, end.detail);
        ret->locks = end.locks;
        *ret_refused = end.refused || end.outcome == KMS_OUTCOME_NO_MEMORY;
        return false;
    }
    gss_key_value_element_desc entry = {"ccache", kms_tickets_name(gss->tickets)};
    const gss_key_value_set_desc store = {1, &entry};
    OM_uint32 minor = 0;
    OM_uint32 major = acquire(gss, NULL, &kerberos, &store, &minor);
    if (GSS_ERROR(major)) {
        say(gss, ret, KMS_OUTCOME_WSMAN_KERBEROS, "the ticket cannot be used", major, minor);
        return false;
    }
    gss->mechanism = KERBEROS;
    return true;
}

/* A code point in little-endian UTF-16; how many bytes it takes. */
static size_t utf16(uint32_t point, uint8_t ret[4])
{
    uint32_t low = point;
    size_t len = 2;
    if (point > 0xffff) {
        uint32_t high = 0xd800 + ((point - 0x10000) >> 10);
        low = 0xdc00 + ((point - 0x10000) & 0x3ff);
        ret[2] = (uint8_t)low;
        ret[3] = (uint8_t)(low >> 8);
        low = high;
        len = 4;
    }
    ret[0] = (uint8_t)low;
    ret[1] = (uint8_t)(low >> 8);
    return len;
}

/* NTOWFv1 of [MS-NLMP] 3.3.1 in hexadecimal: as good as the password, to be overwritten.
 * gss-ntlmssp 1.2.0 can do it too, and leaks a library context of OpenSSL with each. */
static void hash_password(const char *password, char ret[2 * MD4_DIGEST_SIZE + 1])
{
    static const char digits[] = "0123456789ABCDEF";
    struct md4_ctx md4;
    uint8_t digest[MD4_DIGEST_SIZE];
    uint8_t bytes[4] = {0};
    uint32_t point = 0;
    struct kms_rd rd = kms_rd_over(password, strlen(password));
    md4_init(&md4);
    while (kms_rd_utf8(&rd, &point)) {
        md4_update(&md4, utf16(point, bytes), bytes);
    }
    md4_digest(&md4, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        ret[2 * i] = digits[digest[i] >> 4];
        ret[2 * i + 1] = digits[digest[i] & 15];
    }
    ret[2 * sizeof digest] = '\0';
    explicit_bzero(&md4, sizeof md4);
    explicit_bzero(digest, sizeof digest);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(&point, sizeof point);
}

/* The ccache of a kind that does not exist keeps the Kerberos mechanism, which SPNEGO asks too,
 * from looking for tickets. */
static bool use_ntlm(struct kms_gss *gss, const char *password, struct kms_gss_step *ret)
{
    if (!is_installed(&ntlm)) {
        say_only(ret, KMS_OUTCOME_WSMAN_NTLM, "NTLM is not there; install gss-ntlmssp");
        return false;
    }
    char hash[2 * MD4_DIGEST_SIZE + 1];
    hash_password(password, hash);
    gss_key_value_element_desc entries[] = {{"ntlmssp_nthash", hash}, {"ccache", "NONE:"}};
    const gss_key_value_set_desc store = {KMS_COUNT_OF(entries), entries};
    OM_uint32 minor = 0;
    OM_uint32 major = acquire(gss, gss->credentials.user, &ntlm, &store, &minor);
    explicit_bzero(hash, sizeof hash);
    if (GSS_ERROR(major)) {
        say(gss, ret, KMS_OUTCOME_WSMAN_NTLM, "NTLM does not take the user; write DOMAIN\\user",
            major, minor);
        return false;
    }
    gss->mechanism = NTLM;
    return true;
}

/* Kerberos, and NTLM when there is no ticket to be had. Where the KDC refused the user nothing else
 * is tried: a wrong password twice a round locks accounts sooner. */
static bool use_either(struct kms_gss *gss, const char *password, struct kms_gss_step *ret)
{
    bool refused = false;
    if (use_kerberos(gss, password, ret, &refused)) {
        return true;
    }
    if (refused || !password || !gss->credentials.user) {
        return false;
    }
    struct kms_gss_step second = *ret;
    if (use_ntlm(gss, password, &second)) {
        memcpy(gss->passed_over, ret->detail, sizeof gss->passed_over);
        ret->outcome = KMS_OUTCOME_OK;
        ret->detail[0] = '\0';
        return true;
    }
    (void)kms_text_append(ret->detail, sizeof ret->detail, "; %s", second.detail);
    return false;
}

static bool use_password(struct kms_gss *gss, const char *password, struct kms_gss_step *ret)
{
    bool refused = false;
    switch (gss->credentials.auth) {
    case KMS_AUTH_NEGOTIATE:
        return use_either(gss, password, ret);
    case KMS_AUTH_KERBEROS:
        return use_kerberos(gss, password, ret, &refused);
    case KMS_AUTH_NTLM:
        return use_ntlm(gss, password, ret);
    default:
        say_only(ret, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, "auth is not negotiate, kerberos or ntlm");
        return false;
    }
}

static bool find_credentials(struct kms_gss *gss, struct kms_gss_step *ret)
{
    const struct kms_credentials *who = &gss->credentials;
    if (!who->password_file) {
        if (who->auth == KMS_AUTH_NTLM || (!who->keytab && !who->ccache)) {
            say_only(ret, KMS_OUTCOME_WSMAN_NO_CREDENTIALS,
                     who->auth == KMS_AUTH_NTLM ? "NTLM needs user and password-file"
                                                : "there is no password-file, keytab or ccache");
            return false;
        }
        return use_password(gss, NULL, ret);
    }
    if (!who->user) {
        say_only(ret, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, "a password needs a user");
        return false;
    }
    char password[KMS_SECRET_SIZE];
    struct kms_fault fault;
    if (kms_secret_read(who->password_file, 1, password, &fault) != KMS_OK) {
        ret->outcome = KMS_OUTCOME_WSMAN_NO_CREDENTIALS;
        (void)kms_text_format(ret->detail, sizeof ret->detail, "password-file %s", fault.text);
        return false;
    }
    bool found = use_password(gss, password, ret);
    kms_secret_forget(password);
    return found;
}

static bool find_target(struct kms_gss *gss, struct kms_gss_step *ret)
{
    char name[300];
    if (!kms_text_format(name, sizeof name, "%s@%s", gss->service, gss->host)) {
        say_only(ret, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, "the host's name is too long");
        return false;
    }
    gss_buffer_desc text = {strlen(name), name};
    OM_uint32 minor = 0;
    OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &gss->target);
    if (GSS_ERROR(major)) {
        say(gss, ret, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "the host has a name that cannot be used",
            major, minor);
        return false;
    }
    return true;
}

/* ---- the exchange ---- */

static OM_uint32 wanted_flags(const struct kms_gss *gss)
{
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG;
    return gss->seal ? flags | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG : flags;
}

/* The context stands: is it what was asked for? */
static void check_context(struct kms_gss *gss, gss_const_OID mechanism, OM_uint32 flags,
                          struct kms_gss_step *ret)
{
    OM_uint32 needed = gss->seal ? GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG | GSS_C_SEQUENCE_FLAG : 0;
    needed |= gss->mechanism == KERBEROS ? GSS_C_MUTUAL_FLAG : 0; /* NTLM has no such thing */
    if (!is_oid(mechanism, gss->mechanism == KERBEROS ? &kerberos : &ntlm)) {
        say_only(ret, KMS_OUTCOME_WSMAN_AUTH_BROKEN, cause_of(GSS_S_BAD_MECH));
    } else if ((flags & needed) != needed) {
        say_only(ret, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                 "the context gives no encryption or does not prove who the host is");
    } else {
        gss->complete = true;
        ret->complete = true;
    }
}

static void exchange(struct kms_gss *gss, const void *token, size_t len, struct kms_buf *out,
                     struct kms_gss_step *ret)
{
    struct gss_channel_bindings_struct bindings = {
        .application_data = {gss->binding_len, gss->binding}};
    gss_buffer_desc input = buffer_over(token, len);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    gss_OID mechanism = GSS_C_NO_OID; /* static storage of the library */
    OM_uint32 minor = 0;
    OM_uint32 flags = 0;
    OM_uint32 major = gss_init_sec_context(
        &minor, gss->cred, &gss->context, gss->target, &spnego, wanted_flags(gss), 0,
        gss->binding_len > 0 ? &bindings : GSS_C_NO_CHANNEL_BINDINGS, &input, &mechanism, &output,
        &flags, NULL);
    if (GSS_ERROR(major)) {
        say(gss, ret, KMS_OUTCOME_WSMAN_AUTH_BROKEN, cause_of(major), major, minor);
    } else if (kms_buf_add(out, output.value, output.length) != KMS_OK) {
        ret->outcome = KMS_OUTCOME_NO_MEMORY;
    } else if ((major & GSS_S_CONTINUE_NEEDED) == 0) {
        check_context(gss, mechanism, flags, ret);
    }
    (void)gss_release_buffer(&minor, &output);
}

void kms_gss_step(struct kms_gss *gss, const void *token, size_t len, struct kms_buf *out,
                  struct kms_gss_step *ret)
{
    *ret = (struct kms_gss_step){.outcome = KMS_OUTCOME_OK};
    kms_buf_clear(out);
    bool first = gss->mechanism == NO_MECHANISM;
    if (gss->broken || gss->complete || first != (len == 0)) {
        say_only(ret, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                 first ? "the host spoke first" : "the host gave no token where one is due");
    } else if (!first || (find_credentials(gss, ret) && find_target(gss, ret))) {
        exchange(gss, token, len, out, ret);
    }
    if (ret->outcome != KMS_OUTCOME_OK) {
        gss->broken = true;
        gss->complete = false;
        kms_buf_clear(out);
    }
}

/* ---- messages ---- */

static enum kms_status refuse(struct kms_gss *gss, const char *what, OM_uint32 major,
                              OM_uint32 minor, struct kms_fault *fault)
{
    char words[100];
    read_words(major, minor, gss->mechanism != NTLM, words, sizeof words);
    gss->broken = true;
    return kms_fault_set(fault, KMS_EIO, 0, "%s%s", what, words);
}

static enum kms_status check_ready(const struct kms_gss *gss, struct kms_fault *fault)
{
    return gss->complete && gss->seal && !gss->broken
               ? KMS_OK
               : kms_fault_set(fault, KMS_EIO, 0, "the security context cannot seal any more");
}

/* [MS-WSMV] 2.2.9.1: what the mechanism puts in front is apart from the sealed bytes, which are as
 * many as the plain ones and padding. The bytes are sealed where they will stay. */
static enum kms_status wrap_kerberos(struct kms_gss *gss, const void *plain, size_t len,
                                     struct kms_buf *header, struct kms_buf *sealed,
                                     struct kms_fault *fault)
{
    enum kms_status status = kms_buf_add(sealed, plain, len);
    if (status != KMS_OK) {
        return kms_fault_set(fault, status, 0, "a message that is too large to seal");
    }
    gss_iov_buffer_desc parts[] = {
        {GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, {len, sealed->data}},
        {GSS_IOV_BUFFER_TYPE_PADDING | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
    };
    OM_uint32 minor = 0;
    OM_uint32 ignored = 0;
    int secret = 0;
    OM_uint32 major = gss_wrap_iov(&minor, gss->context, 1, GSS_C_QOP_DEFAULT, &secret, parts,
                                   KMS_COUNT_OF(parts));
    if (major != GSS_S_COMPLETE || !secret) {
        status = refuse(gss, "Kerberos cannot seal the message", major, minor, fault);
    } else if (kms_buf_add(header, parts[0].buffer.value, parts[0].buffer.length) != KMS_OK ||
               kms_buf_add(sealed, parts[2].buffer.value, parts[2].buffer.length) != KMS_OK) {
        status = kms_fault_set(fault, KMS_ETOOBIG, 0, "a message that is too large to seal");
    }
    (void)gss_release_iov_buffer(&ignored, parts, KMS_COUNT_OF(parts));
    return status;
}

static enum kms_status wrap_ntlm(struct kms_gss *gss, const void *plain, size_t len,
                                 struct kms_buf *header, struct kms_buf *sealed,
                                 struct kms_fault *fault)
{
    gss_buffer_desc input = buffer_over(plain, len);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 ignored = 0;
    int secret = 0;
    enum kms_status status = KMS_OK;
    OM_uint32 major = gss_wrap(&minor, gss->context, 1, GSS_C_QOP_DEFAULT, &input, &secret,
                               &output);
    struct kms_rd rd = kms_rd_over(output.value, output.length);
    const uint8_t *signature = NULL;
    const uint8_t *rest = NULL;
    if (major != GSS_S_COMPLETE || !secret || !kms_rd_span(&rd, NTLM_SIGNATURE_LEN, &signature) ||
        kms_rd_left(&rd) != len || !kms_rd_span(&rd, len, &rest)) {
        status = refuse(gss, "NTLM cannot seal the message", major, minor, fault);
    } else if (kms_buf_add(header, signature, NTLM_SIGNATURE_LEN) != KMS_OK ||
               kms_buf_add(sealed, rest, len) != KMS_OK) {
        status = kms_fault_set(fault, KMS_ETOOBIG, 0, "a message that is too large to seal");
    }
    (void)gss_release_buffer(&ignored, &output);
    return status;
}

enum kms_status kms_gss_wrap(struct kms_gss *gss, const void *plain, size_t len,
                             struct kms_buf *ret_header, struct kms_buf *ret_sealed,
                             struct kms_fault *fault)
{
    kms_buf_clear(ret_header);
    kms_buf_clear(ret_sealed);
    enum kms_status status = check_ready(gss, fault);
    if (status != KMS_OK) {
        return status;
    }
    status = gss->mechanism == KERBEROS
                 ? wrap_kerberos(gss, plain, len, ret_header, ret_sealed, fault)
                 : wrap_ntlm(gss, plain, len, ret_header, ret_sealed, fault);
    if (status != KMS_OK) { /* its sequence number is spent, and the buffer may hold plain text */
        gss->broken = true;
        kms_buf_clear(ret_header);
        kms_buf_clear(ret_sealed);
    }
    return status;
}

static const char *why_not_opened(OM_uint32 major, int secret)
{
    if (!GSS_ERROR(major)) {
        if ((major & (GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN)) != 0) {
            return "a sealed message came twice: somebody replays it";
        }
        if (major != GSS_S_COMPLETE) {
            return "a sealed message came out of its order: one is missing";
        }
        return secret ? NULL : "a message that is only signed where it must be encrypted";
    }
    switch (GSS_ROUTINE_ERROR(major)) {
    case GSS_S_BAD_SIG:
        return "a sealed message was changed on its way";
    case GSS_S_DEFECTIVE_TOKEN:
        return "a sealed message is damaged";
    case GSS_S_CONTEXT_EXPIRED:
        return "the security context has expired";
    default:
        return "a sealed message cannot be opened";
    }
}

enum kms_status kms_gss_unwrap(struct kms_gss *gss, const void *token, size_t len,
                               struct kms_buf *ret_plain, struct kms_fault *fault)
{
    kms_buf_clear(ret_plain);
    enum kms_status status = check_ready(gss, fault);
    if (status != KMS_OK) {
        return status;
    }
    gss_buffer_desc input = buffer_over(token, len);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 ignored = 0;
    int secret = 0;
    OM_uint32 major = gss_unwrap(&minor, gss->context, &input, &output, &secret, NULL);
    const char *why = why_not_opened(major, secret);
    if (why) {
        status = refuse(gss, why, major, minor, fault);
    } else if (kms_buf_add(ret_plain, output.value, output.length) != KMS_OK) {
        gss->broken = true;
        status = kms_fault_set(fault, KMS_ETOOBIG, 0, "a message that is too large to open");
    }
    (void)gss_release_buffer(&ignored, &output);
    return status;
}
