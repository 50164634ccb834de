/* Security contexts against a private KDC and an acceptor in the same process: run by the test gss,
 * which makes the KDC. The acceptor is a double of a host: it speaks no HTTP and no WinRM. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include "base/text.h"
#include "wsman/gss.h"

#define REALM "LAB.TEST"
#define HOST  "host.lab.test"

/* ---- what the script made ---- */

static char *in_folder(const char *name, char path[300])
{
    assert_true(kms_text_format(path, 300, "%s/%s", getenv("GSS_FOLDER"), name));
    return path;
}

/* Files are named as in the script; the texts live as long as the case. */
struct identity {
    struct kms_credentials credentials;
    char password[300], keytab[300], ccache[300];
};

static struct identity identity(enum kms_auth auth, const char *user)
{
    struct identity who = {.credentials = {.auth = auth, .user = (char *)(uintptr_t)user}};
    return who;
}

static struct kms_gss *by_password(enum kms_auth auth, const char *user, const char *file,
                                   const char *host, bool seal)
{
    struct identity who = identity(auth, user);
    who.credentials.password_file = in_folder(file, who.password);
    struct kms_gss *gss = kms_gss_new(
        &(struct kms_gss_config){.credentials = &who.credentials, .host = host, .seal = seal});
    assert_non_null(gss);
    return gss;
}

static struct kms_gss *by_file(const char *user, const char *keytab, const char *ccache)
{
    struct identity who = identity(KMS_AUTH_NEGOTIATE, user);
    who.credentials.keytab = keytab ? in_folder(keytab, who.keytab) : NULL;
    who.credentials.ccache = ccache ? in_folder(ccache, who.ccache) : NULL;
    struct kms_gss *gss = kms_gss_new(
        &(struct kms_gss_config){.credentials = &who.credentials, .host = HOST, .seal = true});
    assert_non_null(gss);
    return gss;
}

static struct kms_gss *kerberos_of_monitor(void)
{
    return by_password(KMS_AUTH_KERBEROS, "monitor@" REALM, "password", HOST, true);
}

static struct kms_gss *ntlm_of_monitor(void)
{
    return by_password(KMS_AUTH_NTLM, "LAB\\monitor", "password", HOST, true);
}

/* ---- the host's side ---- */

struct acceptor {
    gss_ctx_id_t context;
    const char *binding; /* application data; NULL: none */
    OM_uint32 flags;
};

/* Credentials are the default ones, of KRB5_KTNAME and NTLM_USER_FILE: with a store
 * gss-ntlmssp 1.2.0 frees at random. */
static void acceptor_init(struct acceptor *acceptor, const char *binding)
{
    *acceptor = (struct acceptor){.binding = binding};
}

static void acceptor_done(struct acceptor *acceptor)
{
    OM_uint32 minor = 0;
    (void)gss_delete_sec_context(&minor, &acceptor->context, GSS_C_NO_BUFFER);
}

static OM_uint32 acceptor_step(struct acceptor *acceptor, const struct kms_buf *token,
                               struct kms_buf *answer)
{
    struct gss_channel_bindings_struct bindings = {0};
    if (acceptor->binding) {
        bindings.application_data.value = (void *)(uintptr_t)acceptor->binding;
        bindings.application_data.length = strlen(acceptor->binding);
    }
    gss_buffer_desc input = {token->len, token->data};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_accept_sec_context(
        &minor, &acceptor->context, GSS_C_NO_CREDENTIAL, &input,
        acceptor->binding ? &bindings : GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &output,
        &acceptor->flags, NULL, NULL);
    kms_buf_clear(answer);
    assert_int_equal(kms_buf_add(answer, output.value, output.length), KMS_OK);
    (void)gss_release_buffer(&minor, &output);
    return major;
}

/* Both sides until one ends: what the host said at last, and our last step. */
static OM_uint32 exchange(struct kms_gss *gss, struct acceptor *acceptor, struct kms_gss_step *step)
{
    struct kms_buf ours;
    struct kms_buf theirs;
    kms_buf_init(&ours, 65536);
    kms_buf_init(&theirs, 65536);
    OM_uint32 major = GSS_S_CONTINUE_NEEDED;
    kms_gss_step(gss, NULL, 0, &ours, step);
    for (int i = 0; i < 8 && step->outcome == KMS_OUTCOME_OK && ours.len > 0; i++) {
        major = acceptor_step(acceptor, &ours, &theirs);
        kms_buf_clear(&ours);
        if (theirs.len > 0 && !step->complete) {
            kms_gss_step(gss, theirs.data, theirs.len, &ours, step);
        }
        if (GSS_ERROR(major)) {
            break;
        }
    }
    kms_buf_done(&ours);
    kms_buf_done(&theirs);
    return major;
}

static void must_stand(struct kms_gss *gss, struct acceptor *acceptor, const char *mechanism)
{
    struct kms_gss_step step;
    OM_uint32 major = exchange(gss, acceptor, &step);
    if (step.outcome != KMS_OUTCOME_OK) {
        print_message("%s\n", step.detail);
    }
    assert_int_equal(step.outcome, KMS_OUTCOME_OK);
    assert_int_equal(major, GSS_S_COMPLETE);
    assert_true(step.complete);
    assert_string_equal(kms_gss_mechanism(gss), mechanism);
    assert_string_equal(step.detail, "");
}

/* A context of its own pair that must stand. */
static void stands_own(struct kms_gss *gss, const char *mechanism)
{
    struct acceptor acceptor;
    acceptor_init(&acceptor, NULL);
    must_stand(gss, &acceptor, mechanism);
    acceptor_done(&acceptor);
    kms_gss_free(gss);
}

static void fails_own(struct kms_gss *gss, enum kms_outcome outcome, const char *part)
{
    struct kms_buf out;
    struct kms_gss_step step;
    kms_buf_init(&out, 65536);
    kms_gss_step(gss, NULL, 0, &out, &step);
    print_message("    %s\n", step.detail);
    assert_int_equal(step.outcome, outcome);
    assert_false(step.complete);
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(step.detail, part));
    assert_null(strstr(step.detail, "userpass"));
    assert_null(strstr(step.detail, "wrong-one"));
    assert_string_equal(kms_gss_mechanism(gss), "");
    kms_gss_step(gss, NULL, 0, &out, &step); /* and never again */
    assert_int_equal(step.outcome, KMS_OUTCOME_WSMAN_AUTH_BROKEN);
    kms_buf_done(&out);
    kms_gss_free(gss);
}

/* ---- the ways in ---- */

static void a_password_gives_a_kerberos_context(void **state)
{
    (void)state;
    stands_own(kerberos_of_monitor(), "Kerberos");
}

static void a_bare_user_is_one_of_the_default_realm(void **state)
{
    (void)state;
    stands_own(by_password(KMS_AUTH_KERBEROS, "monitor", "password", HOST, true), "Kerberos");
}

static void a_context_for_tls_needs_no_sealing(void **state)
{
    (void)state;
    stands_own(by_password(KMS_AUTH_KERBEROS, "monitor", "password", HOST, false), "Kerberos");
    stands_own(by_password(KMS_AUTH_NTLM, "LAB\\monitor", "password", HOST, false), "NTLM");
}

static void a_keytab_gives_a_kerberos_context(void **state)
{
    (void)state;
    stands_own(by_file("robot@" REALM, "robot.keytab", NULL), "Kerberos");
}

static void a_keytab_alone_says_who_it_is(void **state)
{
    (void)state;
    stands_own(by_file(NULL, "robot.keytab", NULL), "Kerberos");
}

static void a_ccache_gives_a_kerberos_context(void **state)
{
    (void)state;
    stands_own(by_file(NULL, NULL, "ccache"), "Kerberos");
    stands_own(by_file("monitor", NULL, "ccache"), "Kerberos");
}

static void a_password_gives_an_ntlm_context(void **state)
{
    (void)state;
    stands_own(ntlm_of_monitor(), "NTLM");
    stands_own(by_password(KMS_AUTH_NTLM, "monitor@LAB", "password", HOST, true), "NTLM");
    stands_own(by_password(KMS_AUTH_NTLM, "monitor", "password", HOST, true), "NTLM");
}

static void a_password_of_ntlm_may_have_any_letters(void **state)
{
    (void)state;
    stands_own(by_password(KMS_AUTH_NTLM, "LAB\\letters", "letters", HOST, true), "NTLM");
}

static void negotiate_takes_kerberos_where_there_is_a_ticket(void **state)
{
    (void)state;
    struct kms_gss *gss = by_password(KMS_AUTH_NEGOTIATE, "monitor@" REALM, "password", HOST, true);
    assert_string_equal(kms_gss_passed_over(gss), "");
    stands_own(gss, "Kerberos");
}

static void negotiate_takes_ntlm_where_there_is_none_and_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *user, *host, *why;
    } cases[] = {
        {"LAB\\monitor", HOST, "name of NTLM"},
        {"monitor@LAB", HOST, "no KDC of the realm"},
        {"monitor", "other.lab.test", "does not know this host"},
        {"local", HOST, "does not know this user"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct acceptor acceptor;
        acceptor_init(&acceptor, NULL);
        struct kms_gss *gss = by_password(KMS_AUTH_NEGOTIATE, cases[i].user, "password",
                                          cases[i].host, true);
        must_stand(gss, &acceptor, "NTLM");
        print_message("    %s\n", kms_gss_passed_over(gss));
        assert_non_null(strstr(kms_gss_passed_over(gss), cases[i].why));
        acceptor_done(&acceptor);
        kms_gss_free(gss);
    }
}

/* ---- the ways not in ---- */

static void the_cause_is_named(void **state)
{
    (void)state;
    static const struct {
        enum kms_auth auth;
        const char *user, *file, *host, *part;
        enum kms_outcome outcome;
    } cases[] = {
        {KMS_AUTH_KERBEROS, "monitor", "wrong", HOST, "refuses the password",
         KMS_OUTCOME_WSMAN_REFUSED},
        {KMS_AUTH_NEGOTIATE, "monitor", "wrong", HOST, "refuses the password",
         KMS_OUTCOME_WSMAN_REFUSED},
        {KMS_AUTH_KERBEROS, "nobody", "password", HOST, "nobody@LAB.TEST: the KDC does not know",
         KMS_OUTCOME_WSMAN_KERBEROS},
        {KMS_AUTH_KERBEROS, "locked", "password", HOST, "locked", KMS_OUTCOME_WSMAN_REFUSED},
        {KMS_AUTH_NEGOTIATE, "locked", "password", HOST, "locked", KMS_OUTCOME_WSMAN_REFUSED},
        {KMS_AUTH_KERBEROS, "stale", "password", HOST, "expired", KMS_OUTCOME_WSMAN_REFUSED},
        {KMS_AUTH_KERBEROS, "monitor@lab.test", "password", HOST, "capitals",
         KMS_OUTCOME_WSMAN_KERBEROS},
        {KMS_AUTH_KERBEROS, "monitor@DEAD.TEST", "password", HOST, "no KDC of the realm answers",
         KMS_OUTCOME_WSMAN_KERBEROS},
        {KMS_AUTH_KERBEROS, "LAB\\monitor", "password", HOST, "user@REALM",
         KMS_OUTCOME_WSMAN_KERBEROS},
        {KMS_AUTH_KERBEROS, "monitor", "password", "127.0.0.1", "HTTP/127.0.0.1: the KDC does not",
         KMS_OUTCOME_WSMAN_KERBEROS},
        {KMS_AUTH_KERBEROS, "monitor", "absent", HOST, "password-file cannot be read",
         KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {KMS_AUTH_NTLM, "LAB\\monitor", "open", HOST, "password-file is readable by others",
         KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {KMS_AUTH_NTLM, NULL, "password", HOST, "needs a user", KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {KMS_AUTH_BASIC, "monitor", "password", HOST, "auth is not",
         KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        fails_own(by_password(cases[i].auth, cases[i].user, cases[i].file, cases[i].host, true),
                  cases[i].outcome, cases[i].part);
    }
}

static void the_cause_is_named_for_files(void **state)
{
    (void)state;
    static const struct {
        const char *user, *keytab, *ccache, *part;
        enum kms_outcome outcome;
    } cases[] = {
        {NULL, NULL, NULL, "no password-file, keytab or ccache", KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {"robot", "absent", NULL, "keytab cannot be read", KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {"robot", "open", NULL, "keytab is readable by others", KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {"monitor", "robot.keytab", NULL, "no key of this user", KMS_OUTCOME_WSMAN_KERBEROS},
        {NULL, "password", NULL, "this is no keytab", KMS_OUTCOME_WSMAN_KERBEROS},
        {"robot", "old.keytab", NULL, "refuses the key", KMS_OUTCOME_WSMAN_REFUSED},
        {NULL, NULL, "absent", "ccache cannot be read", KMS_OUTCOME_WSMAN_NO_CREDENTIALS},
        {NULL, NULL, "password", "no tickets that can be used", KMS_OUTCOME_WSMAN_KERBEROS},
        {"robot", NULL, "ccache", "no tickets that can be used", KMS_OUTCOME_WSMAN_KERBEROS},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        fails_own(by_file(cases[i].user, cases[i].keytab, cases[i].ccache), cases[i].outcome,
                  cases[i].part);
    }
}

static void a_wrong_password_of_ntlm_is_refused_by_the_host(void **state)
{
    (void)state;
    struct acceptor acceptor;
    struct kms_gss_step step;
    acceptor_init(&acceptor, NULL);
    struct kms_gss *gss = by_password(KMS_AUTH_NTLM, "LAB\\monitor", "wrong", HOST, true);
    assert_true(GSS_ERROR(exchange(gss, &acceptor, &step)));
    print_message("    %s\n", step.detail);
    acceptor_done(&acceptor);
    kms_gss_free(gss);
}

static void a_damaged_token_breaks_the_exchange(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kms_gss *gss = i == 0 ? kerberos_of_monitor() : ntlm_of_monitor();
        struct kms_gss_step step;
        struct kms_buf out;
        kms_buf_init(&out, 65536);
        kms_gss_step(gss, NULL, 0, &out, &step);
        assert_int_equal(step.outcome, KMS_OUTCOME_OK);
        kms_gss_step(gss, i == 0 ? "rubbish" : "", i == 0 ? 7 : 0, &out, &step);
        print_message("    %s\n", step.detail);
        assert_int_equal(step.outcome, KMS_OUTCOME_WSMAN_AUTH_BROKEN);
        assert_int_equal(out.len, 0);
        kms_buf_done(&out);
        kms_gss_free(gss);
    }
}

/* ---- channel binding ---- */

static struct kms_gss *bound(struct kms_gss *gss)
{
    char path[300];
    FILE *file = fopen(in_folder("host.der", path), "rb");
    assert_non_null(file);
    uint8_t der[8192];
    size_t len = fread(der, 1, sizeof der, file);
    (void)fclose(file);
    assert_int_equal(kms_gss_bind_certificate(gss, der, len), KMS_OK);
    return gss;
}

/* The binding of host.der as the script computed it with openssl: bytes without a zero. */
static void read_binding(char ret[64])
{
    char path[300];
    FILE *file = fopen(in_folder("host.binding", path), "rb");
    assert_non_null(file);
    size_t len = fread(ret, 1, 63, file);
    (void)fclose(file);
    ret[len] = '\0';
    assert_int_equal(strlen(ret), strlen("tls-server-end-point:") + 32);
}

static void channel_bindings_are_compared(void **state)
{
    (void)state;
    char right[64];
    char wrong[64];
    read_binding(right);
    memcpy(wrong, right, sizeof wrong);
    wrong[30] = wrong[30] == 'x' ? 'y' : 'x';
    for (int i = 0; i < 2; i++) {
        struct kms_gss *(*make)(void) = i == 0 ? kerberos_of_monitor : ntlm_of_monitor;
        const char *name = i == 0 ? "Kerberos" : "NTLM";
        struct acceptor acceptor;
        struct kms_gss_step step;

        acceptor_init(&acceptor, right);
        struct kms_gss *gss = bound(make());
        must_stand(gss, &acceptor, name);
        assert_true(acceptor.flags & GSS_C_CHANNEL_BOUND_FLAG);
        acceptor_done(&acceptor);
        kms_gss_free(gss);

        acceptor_init(&acceptor, wrong);
        gss = bound(make());
        assert_true(GSS_ERROR(exchange(gss, &acceptor, &step)));
        acceptor_done(&acceptor);
        kms_gss_free(gss);

        acceptor_init(&acceptor, right); /* as a relaxed host does */
        gss = make();
        must_stand(gss, &acceptor, name);
        assert_false(acceptor.flags & GSS_C_CHANNEL_BOUND_FLAG);
        acceptor_done(&acceptor);
        kms_gss_free(gss);
    }
}

/* ---- messages ---- */

struct pair {
    struct kms_gss *gss;
    struct acceptor acceptor;
    struct kms_buf header, sealed, plain;
    size_t header_len; /* specification wsman 3.4 */
};

static void pair_init(struct pair *pair, bool kerberos)
{
    *pair = (struct pair){.gss = kerberos ? kerberos_of_monitor() : ntlm_of_monitor(),
                          .header_len = kerberos ? 60 : 16};
    acceptor_init(&pair->acceptor, NULL);
    must_stand(pair->gss, &pair->acceptor, kerberos ? "Kerberos" : "NTLM");
    kms_buf_init(&pair->header, 1024);
    kms_buf_init(&pair->sealed, 1 << 20);
    kms_buf_init(&pair->plain, 1 << 20);
}

static void pair_done(struct pair *pair)
{
    kms_gss_free(pair->gss);
    acceptor_done(&pair->acceptor);
    kms_buf_done(&pair->header);
    kms_buf_done(&pair->sealed);
    kms_buf_done(&pair->plain);
}

/* The host opens what we sealed. */
static void goes_there(struct pair *pair, const uint8_t *bytes, size_t len)
{
    struct kms_fault fault;
    assert_int_equal(kms_gss_wrap(pair->gss, bytes, len, &pair->header, &pair->sealed, &fault),
                     KMS_OK);
    assert_int_equal(pair->header.len, pair->header_len);
    assert_int_equal(pair->sealed.len, len);
    struct kms_buf token;
    kms_buf_init(&token, 1 << 20);
    assert_int_equal(kms_buf_add(&token, pair->header.data, pair->header.len), KMS_OK);
    assert_int_equal(kms_buf_add(&token, pair->sealed.data, pair->sealed.len), KMS_OK);
    gss_buffer_desc input = {token.len, token.data};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    int secret = 0;
    assert_int_equal(gss_unwrap(&minor, pair->acceptor.context, &input, &output, &secret, NULL),
                     GSS_S_COMPLETE);
    assert_true(secret);
    assert_int_equal(output.length, len);
    assert_memory_equal(output.value, bytes, len);
    (void)gss_release_buffer(&minor, &output);
    kms_buf_done(&token);
}

static gss_buffer_desc host_seals(struct pair *pair, const void *bytes, size_t len, int secret)
{
    gss_buffer_desc input = {len, (void *)(uintptr_t)bytes};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    assert_int_equal(
        gss_wrap(&minor, pair->acceptor.context, secret, GSS_C_QOP_DEFAULT, &input, NULL, &output),
        GSS_S_COMPLETE);
    return output;
}

static void comes_back(struct pair *pair, const uint8_t *bytes, size_t len)
{
    struct kms_fault fault;
    OM_uint32 minor = 0;
    gss_buffer_desc token = host_seals(pair, bytes, len, 1);
    assert_int_equal(kms_gss_unwrap(pair->gss, token.value, token.length, &pair->plain, &fault),
                     KMS_OK);
    assert_int_equal(pair->plain.len, len);
    assert_memory_equal(pair->plain.data, bytes, len);
    (void)gss_release_buffer(&minor, &token);
}

static void messages_of_all_sizes_go_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 15, 16, 17, 255, 4096, 65535, 65536, 150000, 307200};
    uint8_t *bytes = malloc(307200);
    assert_non_null(bytes);
    for (size_t i = 0; i < 307200; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        struct pair pair;
        pair_init(&pair, kerberos == 1);
        for (size_t i = 0; i < KMS_COUNT_OF(sizes); i++) {
            goes_there(&pair, bytes, sizes[i]);
            comes_back(&pair, bytes, sizes[i]);
        }
        pair_done(&pair);
    }
    free(bytes);
}

static void must_refuse(struct pair *pair, const gss_buffer_desc *token, const char *part)
{
    struct kms_fault fault;
    assert_int_equal(kms_gss_unwrap(pair->gss, token->value, token->length, &pair->plain, &fault),
                     KMS_EIO);
    print_message("    %s\n", fault.text);
    assert_non_null(strstr(fault.text, part));
    assert_int_equal(pair->plain.len, 0);
    assert_int_equal(kms_gss_wrap(pair->gss, "x", 1, &pair->header, &pair->sealed, &fault),
                     KMS_EIO);
    assert_int_equal(kms_gss_unwrap(pair->gss, token->value, token->length, &pair->plain, &fault),
                     KMS_EIO);
}

static void a_changed_message_is_refused(void **state)
{
    (void)state;
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        struct pair pair;
        OM_uint32 minor = 0;
        pair_init(&pair, kerberos == 1);
        gss_buffer_desc token = host_seals(&pair, "hello", 5, 1);
        ((uint8_t *)token.value)[token.length - 1] ^= 1;
        must_refuse(&pair, &token, "sealed message");
        (void)gss_release_buffer(&minor, &token);
        pair_done(&pair);
    }
}

static void a_replayed_message_is_refused(void **state)
{
    (void)state;
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        struct pair pair;
        OM_uint32 minor = 0;
        struct kms_fault fault;
        pair_init(&pair, kerberos == 1);
        gss_buffer_desc token = host_seals(&pair, "hello", 5, 1);
        assert_int_equal(kms_gss_unwrap(pair.gss, token.value, token.length, &pair.plain, &fault),
                         KMS_OK);
        must_refuse(&pair, &token, kerberos ? "came twice" : "sealed message");
        (void)gss_release_buffer(&minor, &token);
        pair_done(&pair);
    }
}

static void a_missing_message_is_noticed(void **state)
{
    (void)state;
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        struct pair pair;
        OM_uint32 minor = 0;
        pair_init(&pair, kerberos == 1);
        gss_buffer_desc lost = host_seals(&pair, "hello", 5, 1);
        gss_buffer_desc token = host_seals(&pair, "hello", 5, 1);
        must_refuse(&pair, &token, kerberos ? "out of its order" : "sealed message");
        (void)gss_release_buffer(&minor, &lost);
        (void)gss_release_buffer(&minor, &token);
        pair_done(&pair);
    }
}

static void a_message_that_is_only_signed_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    OM_uint32 minor = 0;
    pair_init(&pair, true);
    gss_buffer_desc token = host_seals(&pair, "hello", 5, 0);
    must_refuse(&pair, &token, "must be encrypted");
    (void)gss_release_buffer(&minor, &token);
    pair_done(&pair);
}

static void every_cut_of_a_message_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    OM_uint32 minor = 0;
    for (size_t len = 0; len < 65; len += 8) {
        pair_init(&pair, true);
        gss_buffer_desc token = host_seals(&pair, "hello", 5, 1);
        gss_buffer_desc cut = {len, token.value};
        must_refuse(&pair, &cut, "");
        (void)gss_release_buffer(&minor, &token);
        pair_done(&pair);
    }
}

static void a_result_that_is_too_large_ends_the_context(void **state)
{
    (void)state;
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        struct pair pair;
        struct kms_fault fault;
        pair_init(&pair, kerberos == 1);
        kms_buf_done(&pair.sealed);
        kms_buf_init(&pair.sealed, 3);
        assert_int_equal(kms_gss_wrap(pair.gss, "hello", 5, &pair.header, &pair.sealed, &fault),
                         KMS_ETOOBIG);
        assert_int_equal(pair.header.len + pair.sealed.len, 0);
        assert_int_equal(kms_gss_wrap(pair.gss, "h", 1, &pair.header, &pair.sealed, &fault),
                         KMS_EIO);
        pair_done(&pair);
    }
}

static void nothing_is_sealed_without_a_context_made_for_it(void **state)
{
    (void)state;
    struct kms_buf header;
    struct kms_buf sealed;
    kms_buf_init(&header, 100);
    kms_buf_init(&sealed, 100);
    struct kms_gss *gss = kerberos_of_monitor();
    assert_int_equal(kms_gss_wrap(gss, "x", 1, &header, &sealed, NULL), KMS_EIO);
    assert_int_equal(kms_gss_unwrap(gss, "x", 1, &sealed, NULL), KMS_EIO);
    kms_gss_free(gss);
    struct acceptor acceptor;
    acceptor_init(&acceptor, NULL);
    gss = by_password(KMS_AUTH_KERBEROS, "monitor", "password", HOST, false);
    must_stand(gss, &acceptor, "Kerberos");
    assert_int_equal(kms_gss_wrap(gss, "x", 1, &header, &sealed, NULL), KMS_EIO);
    acceptor_done(&acceptor);
    kms_gss_free(gss);
    kms_buf_done(&header);
    kms_buf_done(&sealed);
}

/* ---- threads ---- */

/* A step of its own thread, and the acceptor's side; cmocka's assertions stay on the main one. */
struct job {
    pthread_t thread;
    struct kms_gss *gss;
    struct kms_buf out;
    struct kms_gss_step step;
};

static void *run_step(void *arg)
{
    struct job *job = arg;
    kms_gss_step(job->gss, NULL, 0, &job->out, &job->step);
    return NULL;
}

static void job_start(struct job *job, struct kms_gss *gss)
{
    job->gss = gss;
    kms_buf_init(&job->out, 65536);
    assert_int_equal(pthread_create(&job->thread, NULL, run_step, job), 0);
}

static void job_end(struct job *job)
{
    assert_int_equal(pthread_join(job->thread, NULL), 0);
    assert_int_equal(job->step.outcome, KMS_OUTCOME_OK);
    assert_true(job->out.len > 0);
    kms_buf_done(&job->out);
    kms_gss_free(job->gss);
}

static void many_contexts_are_made_at_once(void **state)
{
    (void)state;
    struct job jobs[16];
    for (size_t i = 0; i < KMS_COUNT_OF(jobs); i++) {
        job_start(&jobs[i], i % 4 == 0   ? ntlm_of_monitor()
                            : i % 4 == 1 ? by_file(NULL, "robot.keytab", NULL)
                            : i % 4 == 2 ? by_file(NULL, NULL, "ccache")
                                         : kerberos_of_monitor());
    }
    for (size_t i = 0; i < KMS_COUNT_OF(jobs); i++) {
        job_end(&jobs[i]);
    }
}

static void a_silent_kdc_holds_only_the_step_that_asks_it(void **state)
{
    (void)state;
    int64_t kdc = 0;
    assert_true(kms_text_i64(getenv("GSS_KDC"), &kdc) && kdc > 1);
    struct job job;
    assert_int_equal(kill((pid_t)kdc, SIGSTOP), 0);
    job_start(&job, kerberos_of_monitor());
    stands_own(ntlm_of_monitor(), "NTLM"); /* to its end, while nobody answers the other one */
    assert_int_equal(kill((pid_t)kdc, SIGCONT), 0);
    job_end(&job);
}

/* ---- a clock that is days ahead: a run of its own ---- */

static void old_tickets_are_told_from_none(void **state)
{
    (void)state;
    fails_own(by_file(NULL, NULL, "ccache"), KMS_OUTCOME_WSMAN_KERBEROS, "have expired");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest late[] = {
        cmocka_unit_test(old_tickets_are_told_from_none),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_gives_a_kerberos_context),
        cmocka_unit_test(a_bare_user_is_one_of_the_default_realm),
        cmocka_unit_test(a_context_for_tls_needs_no_sealing),
        cmocka_unit_test(a_keytab_gives_a_kerberos_context),
        cmocka_unit_test(a_keytab_alone_says_who_it_is),
        cmocka_unit_test(a_ccache_gives_a_kerberos_context),
        cmocka_unit_test(a_password_gives_an_ntlm_context),
        cmocka_unit_test(a_password_of_ntlm_may_have_any_letters),
        cmocka_unit_test(negotiate_takes_kerberos_where_there_is_a_ticket),
        cmocka_unit_test(negotiate_takes_ntlm_where_there_is_none_and_says_why),
        cmocka_unit_test(the_cause_is_named),
        cmocka_unit_test(the_cause_is_named_for_files),
        cmocka_unit_test(a_wrong_password_of_ntlm_is_refused_by_the_host),
        cmocka_unit_test(a_damaged_token_breaks_the_exchange),
        cmocka_unit_test(channel_bindings_are_compared),
        cmocka_unit_test(messages_of_all_sizes_go_both_ways),
        cmocka_unit_test(a_changed_message_is_refused),
        cmocka_unit_test(a_replayed_message_is_refused),
        cmocka_unit_test(a_missing_message_is_noticed),
        cmocka_unit_test(a_message_that_is_only_signed_is_refused),
        cmocka_unit_test(every_cut_of_a_message_is_refused),
        cmocka_unit_test(a_result_that_is_too_large_ends_the_context),
        cmocka_unit_test(nothing_is_sealed_without_a_context_made_for_it),
        cmocka_unit_test(many_contexts_are_made_at_once),
        cmocka_unit_test(a_silent_kdc_holds_only_the_step_that_asks_it),
    };
    if (argc == 2 && kms_text_equal(argv[1], "late")) {
        return cmocka_run_group_tests(late, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
