/* Reads credentials blocks and refuses those that can never be used. */
#include "model/credentials_conf.h"

#include <stdbool.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"

enum { NAME_MAX_LEN = 64, USER_MAX_LEN = 255, CREDENTIAL_MAX_LEN = 255 };

static const struct kms_opt_choice auths[] = {
    {"negotiate", KMS_AUTH_NEGOTIATE},
    {"kerberos", KMS_AUTH_KERBEROS},
    {"ntlm", KMS_AUTH_NTLM},
    {"basic", KMS_AUTH_BASIC},
    {"certificate", KMS_AUTH_CERTIFICATE},
    {0},
};

#define ROW(name, kind, member)                              \
    .section = "credentials", .key = (name), .type = (kind), \
    .offset = offsetof(struct kms_credentials, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("auth", KMS_OPT_CHOICE, auth), .preset = "negotiate", .choices = auths, .arg = "WORD",
     .help = "how the monitor proves who it is"},
    {ROW("user", KMS_OPT_TEXT, user), .arg = "NAME",
     .help = "user@REALM, for ntlm DOMAIN\\user, for basic user; default: what keytab or ccache "
             "hold"},
    {ROW("password-file", KMS_OPT_TEXT, password_file), .arg = "FILE",
     .help = "file whose first line is the password"},
    {ROW("keytab", KMS_OPT_TEXT, keytab), .arg = "FILE",
     .help = "Kerberos keys, instead of a password"},
    {ROW("ccache", KMS_OPT_TEXT, ccache), .arg = "FILE",
     .help = "Kerberos tickets that something else renews"},
    {ROW("certificate", KMS_OPT_TEXT, certificate), .arg = "FILE",
     .help = "PEM file of the client certificate"},
    {ROW("key", KMS_OPT_TEXT, key), .arg = "FILE",
     .help = "PEM file of its key; default: in the certificate's file"},
    KMS_OPT_END,
};

const struct kms_bind *kms_credentials_bind(void)
{
    static const struct kms_bind bind = {rows, "credentials", NULL};
    return &bind;
}

/* ---- what goes together ---- */

enum {
    USER = 1,
    PASSWORD = 2,
    KEYTAB = 4,
    CCACHE = 8,
    CERTIFICATE = 16,
    KEY = 32,
    SECRETS = PASSWORD | KEYTAB | CCACHE,
};

/* What a method of authentication takes, and what it cannot do without, one of them. */
struct method {
    const char *word;
    unsigned takes;
    unsigned needs;
    const char *allowed;
};

static const struct method methods[] = {
    [KMS_AUTH_NEGOTIATE] = {"negotiate", USER | SECRETS, SECRETS,
                            "user with password-file, keytab, or ccache"},
    [KMS_AUTH_KERBEROS] = {"kerberos", USER | SECRETS, SECRETS,
                           "user with password-file, keytab, or ccache"},
    [KMS_AUTH_NTLM] = {"ntlm", USER | PASSWORD, PASSWORD, "user with password-file"},
    [KMS_AUTH_BASIC] = {"basic", USER | PASSWORD, PASSWORD, "user with password-file"},
    [KMS_AUTH_CERTIFICATE] = {"certificate", CERTIFICATE | KEY, CERTIFICATE,
                              "certificate, and key where that is another file"},
};

struct part {
    const char *key;
    unsigned bit;
    const char *value; /* NULL: not given */
};

enum { PARTS = 6 };

static void list_parts(const struct kms_credentials *credentials, struct part ret[PARTS])
{
    const struct part parts[PARTS] = {
        {"user", USER, credentials->user},
        {"password-file", PASSWORD, credentials->password_file},
        {"keytab", KEYTAB, credentials->keytab},
        {"ccache", CCACHE, credentials->ccache},
        {"certificate", CERTIFICATE, credentials->certificate},
        {"key", KEY, credentials->key},
    };
    memcpy(ret, parts, sizeof parts);
}

/* The value may be a secret that stands in the wrong place. */
static void refuse_part(const struct kms_conf_node *block, const struct part *part,
                        const char *wrong, struct kms_conf_errors *errors)
{
    kms_bind_wrong(block, part->key, part->value[0] == '/' ? part->value : "***", wrong, errors);
}

static void check_together(const struct kms_conf_node *block,
                           const struct kms_credentials *credentials,
                           struct kms_conf_errors *errors)
{
    const struct method *method = &methods[credentials->auth];
    struct part part[PARTS];
    list_parts(credentials, part);
    unsigned given = 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (!part[i].value) {
            continue;
        }
        char wrong[160];
        if (!(method->takes & part[i].bit)) {
            kms_text_format(wrong, sizeof wrong, "has no use with auth = %s; allowed: %s",
                            method->word, method->allowed);
            refuse_part(block, &part[i], wrong, errors);
        } else if (part[i].bit & SECRETS & method->takes && given & SECRETS) {
            kms_text_format(wrong, sizeof wrong, "is one too many; allowed: %s", method->allowed);
            refuse_part(block, &part[i], wrong, errors);
        }
        given |= part[i].bit;
    }
    if (!(given & method->needs)) {
        kms_conf_error(errors, block->file, block->line,
                       "credentials: auth = %s has nothing to prove itself with; allowed: %s",
                       method->word, method->allowed);
    } else if (given & PASSWORD & method->takes && !(given & USER)) {
        kms_conf_error(errors, block->file, block->line,
                       "credentials: user is missing, whom the password belongs to; allowed: %s",
                       method->allowed);
    }
}

/* ---- each value ---- */

static bool is_credential_name(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char c = kms_text_lower(text[i]);
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                    (c == '.' && i > 0);
        if (!good) {
            return false;
        }
    }
    return len > 0 && len <= CREDENTIAL_MAX_LEN;
}

static bool is_plain(const char *text)
{
    char clean[KMS_CONF_TEXT_MAX + 1];
    kms_text_clean(clean, sizeof clean, text, strlen(text));
    return kms_text_equal(clean, text);
}

/* Nothing is looked at while systemd did not give any: the file is checked on a terminal. */
static enum kms_status look_at(const struct part *part, const char *file, struct kms_fault *fault)
{
    if (part->bit == PASSWORD) {
        char secret[KMS_SECRET_SIZE];
        enum kms_status status = kms_secret_read(file, 1, secret, fault);
        kms_secret_forget(secret);
        return status == KMS_ENOTFOUND ? KMS_OK : status;
    }
    char path[KMS_SECRET_PATH_SIZE];
    enum kms_status status = kms_secret_path(file, path, fault);
    bool later = status == KMS_ENOTFOUND || (status == KMS_EIO && part->bit == CCACHE);
    return later ? KMS_OK : status;
}

/* The file of a ccache; NULL: it is of a kind that guards itself (KEYRING:, KCM:, DIR:). */
static const char *file_of(const struct part *part)
{
    const char *file = part->value;
    if (part->bit != CCACHE) {
        return file;
    }
    file += kms_text_starts(file, "FILE:") ? strlen("FILE:") : 0;
    const char *colon = strchr(file, ':');
    const char *slash = strchr(file, '/');
    return colon && (!slash || colon < slash) ? NULL : file;
}

static void check_file(const struct kms_conf_node *block, const struct part *part,
                       struct kms_conf_errors *errors)
{
    const char *file = file_of(part);
    if (!file) {
        return;
    }
    if (!is_plain(file) || (file[0] != '/' && !is_credential_name(file))) {
        refuse_part(block, part,
                    "is neither an absolute path nor the name of a systemd credential; allowed: "
                    "/FOLDER/NAME, or NAME of LoadCredential= in the unit",
                    errors);
        return;
    }
    struct kms_fault fault = {0};
    enum kms_status status = look_at(part, file, &fault);
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
    } else if (status != KMS_OK) {
        kms_bind_wrong(block, part->key, part->value, fault.text, errors);
    }
}

static void check_parts(const struct kms_conf_node *block,
                        const struct kms_credentials *credentials, struct kms_conf_errors *errors)
{
    struct part part[PARTS];
    list_parts(credentials, part);
    for (size_t i = 0; i < PARTS; i++) {
        bool used = part[i].value && methods[credentials->auth].takes & part[i].bit;
        if (used && part[i].bit != USER) {
            check_file(block, &part[i], errors);
        }
    }
    const char *user = credentials->user;
    if (user && (!user[0] || strlen(user) > USER_MAX_LEN || !is_plain(user))) {
        kms_bind_wrong(block, "user", user,
                       "is not a name; allowed: 1 to 255 visible bytes such as monitor@EXAMPLE.COM "
                       "or EXAMPLE\\monitor",
                       errors);
    }
    bool local = credentials->auth == KMS_AUTH_BASIC;
    if (user && local && strpbrk(user, "\\:")) {
        kms_bind_wrong(block, "user", user,
                       "cannot log in with basic; allowed: a local account of the host, without "
                       "domain and colon",
                       errors);
    }
}

static void check_name(const struct kms_conf_node *block, struct kms_conf_errors *errors)
{
    if (!block->title) {
        return; /* reported when the block was seen */
    }
    if (!block->title[0] || strlen(block->title) > NAME_MAX_LEN || !is_plain(block->title)) {
        char shown[NAME_MAX_LEN];
        kms_text_clean(shown, sizeof shown, block->title, strlen(block->title));
        kms_conf_error(errors, block->file, block->line,
                       "credentials: '%s' is not a name; allowed: 1 to 64 visible bytes", shown);
    }
}

void kms_credentials_read(const struct kms_conf_node *block, struct kms_credentials *ret,
                          struct kms_conf_errors *errors)
{
    *ret = (struct kms_credentials){.name = kms_text_dup(block->title ? block->title : "")};
    if (!ret->name || kms_opts_preset(rows, ret) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    check_name(block, errors);
    size_t before = errors->count;
    kms_bind_apply(kms_credentials_bind(), block, ret, errors);
    if (errors->count == before) { /* a key that was refused must not seem to be missing too */
        check_together(block, ret, errors);
    }
    check_parts(block, ret, errors);
}

/* ---- a file of its own ---- */

static const struct kms_conf_node *only_block(const struct kms_conf_node *root, const char *path,
                                              struct kms_conf_errors *errors)
{
    static const struct kms_opt none[] = {KMS_OPT_END};
    static const struct kms_bind_block blocks[] = {
        {.name = "credentials", .usage = KMS_CREDENTIALS_USAGE, .titled = true, .repeated = true},
        {0},
    };
    static const struct kms_bind bind = {none, "", blocks};
    kms_bind_apply(&bind, root, NULL, errors);
    const struct kms_conf_node *block = kms_bind_find(root->child, "credentials");
    const struct kms_conf_node *more = block ? kms_bind_find(block->next, "credentials") : NULL;
    if (!block) {
        kms_conf_error(errors, path, 0,
                       "there is no credentials block; allowed: one " KMS_CREDENTIALS_USAGE);
    } else if (more) {
        kms_conf_error(errors, more->file, more->line,
                       "there is a second credentials block; allowed: one of them in this file");
        return NULL;
    }
    return block;
}

static void load(const char *path, struct kms_credentials *ret, struct kms_conf_errors *errors)
{
    char here[KMS_SECRET_PATH_SIZE];
    char closed[KMS_SECRET_PATH_SIZE];
    struct kms_fault fault = {0};
    if (!kms_text_format(here, sizeof here, "%s%s", strchr(path, '/') ? "" : "./", path)) {
        kms_conf_error(errors, path, 0, "the path is too long");
        return;
    }
    if (kms_secret_path(here, closed, &fault) != KMS_OK) {
        kms_conf_error(errors, path, 0, "%s", fault.text);
        return;
    }
    struct kms_conf *conf = kms_conf_load(closed, errors);
    const struct kms_conf_node *block = conf ? only_block(kms_conf_root(conf), path, errors) : NULL;
    if (block) {
        kms_credentials_read(block, ret, errors);
    }
    kms_conf_free(conf);
}

enum kms_status kms_credentials_load(const char *path, struct kms_credentials *ret,
                                     struct kms_buf *errors)
{
    struct kms_conf_errors collected;
    struct kms_credentials credentials = {0};
    kms_conf_errors_init(&collected, errors);
    load(path, &credentials, &collected);
    kms_conf_errors_end(&collected);
    if (collected.status != KMS_OK) {
        kms_credentials_done(&credentials);
        return collected.status;
    }
    *ret = credentials;
    return KMS_OK;
}
