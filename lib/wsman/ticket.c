/* Gets Kerberos tickets into a ccache in memory, and says by code why there are none. */
#include "wsman/ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <krb5.h>

#include "base/secret.h"
#include "base/text.h"

struct kms_tickets {
    krb5_context krb5;
    krb5_ccache cache;
    char *name; /* of the cache, krb5_free_string */
    krb5_principal client;
    char *client_text; /* for details; krb5_free_unparsed_name */
};

const char *kms_tickets_name(const struct kms_tickets *tickets)
{
    return tickets->name;
}

void kms_tickets_free(struct kms_tickets *tickets)
{
    if (!tickets) {
        return;
    }
    if (tickets->krb5) {
        if (tickets->cache) {
            (void)krb5_cc_destroy(tickets->krb5, tickets->cache);
        }
        krb5_free_string(tickets->krb5, tickets->name);
        krb5_free_principal(tickets->krb5, tickets->client);
        krb5_free_unparsed_name(tickets->krb5, tickets->client_text);
        krb5_free_context(tickets->krb5);
    }
    free(tickets);
}

/* ---- why not ---- */

/* What is being asked for: %s of the cases below. */
struct asked {
    const char *client; /* NULL: not known yet */
    const char *service;
    const char *host;
    bool by_password;
};

static bool is_of_configuration(krb5_error_code code)
{
    return code == KRB5_CONFIG_CANTOPEN || code == KRB5_CONFIG_BADFORMAT ||
           code == KRB5_CONFIG_NODEFREALM || code == KRB5_CONFIG_NOTENUFSPACE;
}

static bool is_refusal(krb5_error_code code)
{
    return code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5KRB_AP_ERR_BAD_INTEGRITY ||
           code == KRB5KDC_ERR_KEY_EXP || code == KRB5KDC_ERR_CLIENT_REVOKED ||
           code == KRB5KDC_ERR_NAME_EXP || code == KRB5KDC_ERR_CLIENT_NOTYET ||
           code == KRB5KDC_ERR_POLICY;
}

/* Of the account itself, whatever host it is for; a policy may forbid one host and no other. */
static bool may_lock(krb5_error_code code)
{
    return is_refusal(code) && code != KRB5KDC_ERR_POLICY;
}

/* The likeliest cause and the next step, by the code alone; NULL: a rare one. */
static const char *cause_of(krb5_error_code code, const struct asked *asked)
{
    if (is_of_configuration(code)) {
        return "krb5.conf is not there, cannot be read or has no default_realm; write user@REALM";
    }
    switch (code) {
    case KRB5_KDC_UNREACH:
        return "no KDC of the realm answers; check krb5.conf and the way to port 88";
    case KRB5_REALM_UNKNOWN:
    case KRB5_REALM_CANT_RESOLVE:
        return "no KDC of the realm is known; realms are in capitals; check krb5.conf and DNS";
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
        return "the KDC does not know this user; check user and its realm";
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
        return asked->by_password ? "the KDC refuses the password; check password-file"
                                  : "the KDC refuses the key; make the keytab anew";
    case KRB5KDC_ERR_KEY_EXP:
        return "the password has expired; set a new one";
    case KRB5KDC_ERR_CLIENT_REVOKED:
    case KRB5KDC_ERR_NAME_EXP:
    case KRB5KDC_ERR_CLIENT_NOTYET:
        return "the account is locked, disabled or expired; ask its domain";
    case KRB5KDC_ERR_POLICY:
        return "the policy of the KDC forbids it; check logon hours and workstations";
    case KRB5_KT_NOTFOUND:
    case KRB5_KT_END:
        return "the keytab has no key of this user; check user, or make the keytab anew";
    case KRB5_KT_BADNAME:
    case KRB5_KEYTAB_BADVNO:
        return "this is no keytab; make it with ktutil or ktpass";
    case KRB5KRB_AP_ERR_SKEW:
    case KRB5_KDCREP_SKEW:
    case KRB5KRB_AP_ERR_TKT_NYV:
        return "the clocks of the monitor and the KDC disagree; check time synchronisation";
    case KRB5KRB_AP_ERR_TKT_EXPIRED:
        return "the tickets in the ccache have expired; renew them with kinit";
    case KRB5_FCC_NOFILE:
    case KRB5_CC_NOTFOUND:
    case KRB5_CC_END:
    case KRB5_CC_FORMAT:
    case KRB5_CC_UNKNOWN_TYPE:
    case KRB5_CCACHE_BADVNO:
        return "the ccache has no tickets that can be used; run kinit, check ccache";
    case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
        return "the KDC does not know this host; give its full name in the url, see setspn -L";
    case KRB5KDC_ERR_ETYPE_NOSUPP:
    case KRB5_CONFIG_ETYPE_NOSUPP:
    case KRB5_NO_TKT_SUPPLIED:
        return "monitor and KDC share no kind of encryption; enable AES for the account";
    default:
        return NULL;
    }
}

static bool is_about_host(krb5_error_code code)
{
    return code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN;
}

static void explain(krb5_context krb5, krb5_error_code code, const struct asked *asked,
                    struct kms_tickets_end *ret)
{
    ret->refused = is_refusal(code);
    ret->locks = may_lock(code);
    ret->outcome = code == ENOMEM ? KMS_OUTCOME_NO_MEMORY
                   : ret->refused ? KMS_OUTCOME_WSMAN_REFUSED
                                  : KMS_OUTCOME_WSMAN_KERBEROS;
    const char *cause = cause_of(code, asked);
    char subject[96] = "Kerberos";
    if (is_about_host(code)) {
        (void)kms_text_format(subject, sizeof subject, "%s/%s", asked->service, asked->host);
    } else if (asked->client) {
        kms_text_clean(subject, sizeof subject, asked->client, strlen(asked->client));
    }
    if (cause) {
        (void)kms_text_format(ret->detail, sizeof ret->detail, "%s: %s", subject, cause);
        return;
    }
    const char *said = krb5_get_error_message(krb5, code);
    char clean[96];
    kms_text_clean(clean, sizeof clean, said, strlen(said));
    krb5_free_error_message(krb5, said);
    (void)kms_text_format(ret->detail, sizeof ret->detail, "%s: %s (krb5 %ld)", subject, clean,
                          (long)code);
}

/* ---- the ways to a ticket ---- */

static krb5_error_code name_client(struct kms_tickets *tickets, const char *user)
{
    return user ? krb5_parse_name(tickets->krb5, user, &tickets->client) : 0;
}

/* krb5_get_init_creds_* with the memory as the place of the result. */
static krb5_error_code initial(struct kms_tickets *tickets, const char *password,
                               krb5_keytab keytab)
{
    krb5_get_init_creds_opt *options = NULL;
    krb5_creds credentials = {0};
    krb5_error_code code = krb5_get_init_creds_opt_alloc(tickets->krb5, &options);
    if (code != 0) {
        return code;
    }
    code = krb5_get_init_creds_opt_set_out_ccache(tickets->krb5, options, tickets->cache);
    if (code == 0 && password) {
        code = krb5_get_init_creds_password(tickets->krb5, &credentials, tickets->client, password,
                                            NULL, NULL, 0, NULL, options);
    } else if (code == 0) {
        code = krb5_get_init_creds_keytab(tickets->krb5, &credentials, tickets->client, keytab, 0,
                                          NULL, options);
    }
    krb5_free_cred_contents(tickets->krb5, &credentials);
    krb5_get_init_creds_opt_free(tickets->krb5, options);
    return code;
}

/* The principal of the keytab's first key. */
static krb5_error_code first_of(struct kms_tickets *tickets, krb5_keytab keytab)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(tickets->krb5, keytab, &cursor);
    if (code != 0) {
        return code;
    }
    code = krb5_kt_next_entry(tickets->krb5, keytab, &entry, &cursor);
    if (code == 0) {
        code = krb5_copy_principal(tickets->krb5, entry.principal, &tickets->client);
        (void)krb5_free_keytab_entry_contents(tickets->krb5, &entry);
    }
    (void)krb5_kt_end_seq_get(tickets->krb5, keytab, &cursor);
    return code;
}

static krb5_error_code by_keytab(struct kms_tickets *tickets, const char *path)
{
    char name[KMS_SECRET_PATH_SIZE + 8];
    (void)kms_text_format(name, sizeof name, "FILE:%s", path);
    krb5_keytab keytab = NULL;
    krb5_error_code code = krb5_kt_resolve(tickets->krb5, name, &keytab);
    if (code == 0 && !tickets->client) {
        code = first_of(tickets, keytab);
    }
    if (code == 0) {
        code = initial(tickets, NULL, keytab);
    }
    if (keytab) {
        (void)krb5_kt_close(tickets->krb5, keytab);
    }
    return code;
}

/* A copy: whoever renews the ccache may do it at any moment, and it is not ours to write to. */
static krb5_error_code by_ccache(struct kms_tickets *tickets, const char *name)
{
    krb5_ccache cache = NULL;
    krb5_principal owner = NULL;
    krb5_error_code code = krb5_cc_resolve(tickets->krb5, name, &cache);
    if (code == 0) {
        code = krb5_cc_get_principal(tickets->krb5, cache, &owner);
    }
    if (code == 0 && tickets->client &&
        !krb5_principal_compare(tickets->krb5, owner, tickets->client)) {
        code = KRB5_CC_NOTFOUND;
    }
    if (code == 0) {
        code = krb5_cc_initialize(tickets->krb5, tickets->cache, owner);
    }
    if (code == 0) {
        code = krb5_cc_copy_creds(tickets->krb5, cache, tickets->cache);
    }
    if (code == 0 && !tickets->client) {
        tickets->client = owner;
        owner = NULL;
    }
    krb5_free_principal(tickets->krb5, owner);
    if (cache) {
        (void)krb5_cc_close(tickets->krb5, cache);
    }
    return code;
}

/* Asked for here and not by the mechanism: its codes are mapped to others on the way up. */
static krb5_error_code for_service(struct kms_tickets *tickets, const char *service,
                                   const char *host)
{
    krb5_creds wanted = {.client = tickets->client};
    krb5_creds *got = NULL;
    krb5_error_code code = krb5_sname_to_principal(tickets->krb5, host, service, KRB5_NT_SRV_HST,
                                                   &wanted.server);
    if (code == 0) {
        code = krb5_get_credentials(tickets->krb5, 0, tickets->cache, &wanted, &got);
    }
    krb5_free_creds(tickets->krb5, got);
    krb5_free_principal(tickets->krb5, wanted.server);
    return code;
}

/* ---- all of it ---- */

/* The file a credential means, or its name when it is no file. */
static bool find(const char *what, const char *file, char ret[KMS_SECRET_PATH_SIZE],
                 struct kms_tickets_end *end)
{
    struct kms_fault fault;
    if (kms_secret_path(file, ret, &fault) == KMS_OK) {
        return true;
    }
    end->outcome = KMS_OUTCOME_WSMAN_NO_CREDENTIALS;
    (void)kms_text_format(end->detail, sizeof end->detail, "%s %s", what, fault.text);
    return false;
}

static bool find_ccache(const char *ccache, char ret[KMS_SECRET_PATH_SIZE],
                        struct kms_tickets_end *end)
{
    const char *file = kms_text_starts(ccache, "FILE:") ? ccache + strlen("FILE:") : ccache;
    const char *colon = strchr(file, ':');
    const char *slash = strchr(file, '/');
    if (colon && (!slash || colon < slash)) { /* KEYRING:, KCM:, DIR: guard themselves */
        return kms_text_copy(ret, KMS_SECRET_PATH_SIZE, file);
    }
    return find("ccache", file, ret, end);
}

static krb5_error_code open_cache(struct kms_tickets *tickets, const char *user)
{
    krb5_error_code code = krb5_init_context(&tickets->krb5);
    if (code == 0) {
        code = krb5_cc_new_unique(tickets->krb5, "MEMORY", NULL, &tickets->cache);
    }
    if (code == 0) {
        code = krb5_cc_get_full_name(tickets->krb5, tickets->cache, &tickets->name);
    }
    return code == 0 ? name_client(tickets, user) : code;
}

static krb5_error_code fill(struct kms_tickets *tickets, const struct kms_tickets_config *config,
                            const char *path)
{
    krb5_error_code code = open_cache(tickets, config->user);
    if (code == 0 && config->password) {
        code = initial(tickets, config->password, NULL);
    } else if (code == 0 && config->keytab) {
        code = by_keytab(tickets, path);
    } else if (code == 0) {
        code = by_ccache(tickets, path);
    }
    return code == 0 ? for_service(tickets, config->service, config->host) : code;
}

struct kms_tickets *kms_tickets_get(const struct kms_tickets_config *config,
                                    struct kms_tickets_end *ret)
{
    *ret = (struct kms_tickets_end){.outcome = KMS_OUTCOME_OK};
    char path[KMS_SECRET_PATH_SIZE] = "";
    if (config->keytab ? !find("keytab", config->keytab, path, ret)
                       : config->ccache && !find_ccache(config->ccache, path, ret)) {
        return NULL;
    }
    struct kms_tickets *tickets = calloc(1, sizeof *tickets);
    if (!tickets) {
        ret->outcome = KMS_OUTCOME_NO_MEMORY;
        return NULL;
    }
    krb5_error_code code = fill(tickets, config, path);
    if (code == 0) {
        return tickets;
    }
    if (tickets->client) {
        (void)krb5_unparse_name(tickets->krb5, tickets->client, &tickets->client_text);
    }
    const char *client = tickets->client_text ? tickets->client_text : config->user;
    const struct asked asked = {client, config->service, config->host, config->password != NULL};
    explain(tickets->krb5, code, &asked, ret);
    kms_tickets_free(tickets);
    return NULL;
}
