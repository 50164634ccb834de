/* Who may read from the agent's own port: communities of SNMP v1 and v2c, users of SNMPv3, one
 * view, and nobody writes. */
#include "agent/snmp_access.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/vacm.h>

#include "base/secret.h"
#include "agent/site.h"
#include "base/text.h"
#include "generated/kmsmon_root.h"

#define LINE_MAX_BYTES 512
#define COMMUNITY_MAX  64
#define AES_KEY_BYTES  16 /* RFC 3826 */
#define GROUP_AUTH     "kmsmon-auth"
#define GROUP_PRIV     "kmsmon-priv"

/* Lines of snmpd.conf are the way in to Net-SNMP's tables of views and communities. */
__attribute__((format(printf, 1, 2))) static bool tell(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    bool fits = kms_text_vformat(line, sizeof line, format, args);
    va_end(args);
    bool taken = fits && netsnmp_config(line) == SNMPERR_SUCCESS;
    explicit_bzero(line, sizeof line);
    return taken;
}

/* Net-SNMP splits its lines into words; what could end a word is not let in. */
static bool is_plain(const char *word)
{
    size_t len = strlen(word);
    for (const char *c = word; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || strchr("\"'\\#", *c) != NULL) {
            return false;
        }
    }
    return len > 0 && len <= COMMUNITY_MAX;
}

/* Remembered until Net-SNMP reads its configuration, which warns when nobody may see anything. */
void kms_snmp_access_prepare(void)
{
    static const char *const lines[] = {
        "view kmsmon included ." KMSMON_MIB_ROOT_TEXT,
        "group kmsmon v1 kmsmon",
        "group kmsmon v2c kmsmon",
        "access kmsmon \"\" any noauth exact kmsmon none none",
        "access " GROUP_AUTH " \"\" usm auth exact kmsmon none none",
        "access " GROUP_PRIV " \"\" usm priv exact kmsmon none none",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        char line[LINE_MAX_BYTES];
        (void)kms_text_copy(line, sizeof line, lines[i]);
        netsnmp_config_remember(line); /* copies */
    }
}

/* A community that everybody knows is for this machine alone, wherever the agent listens. */
static bool allow_public(void)
{
    return tell("com2sec kmsmon 127.0.0.0/8 public") && tell("com2sec6 kmsmon ::1 public") &&
           tell("com2secunix kmsmon default public");
}

static bool allow_community(const char *word)
{
    return tell("com2sec kmsmon default %s", word) && tell("com2sec6 kmsmon default %s", word) &&
           tell("com2secunix kmsmon default %s", word);
}

static enum kms_status refused(struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_EINVAL, 0, "Net-SNMP did not take the access rules");
}

static enum kms_status read_secret(const char *path, size_t least, char ret[KMS_SECRET_SIZE],
                                   struct kms_fault *fault)
{
    struct kms_fault why = {0};
    enum kms_status status = kms_secret_read(path, least, ret, &why);
    return status == KMS_OK ? KMS_OK
                            : kms_fault_set(fault, status, 0, "'%.100s' %s", path, why.text);
}

static enum kms_status allow_communities(const struct kms_site_snmp *snmp, struct kms_fault *fault)
{
    char secret[KMS_SECRET_SIZE];
    const char *word = snmp->community;
    if (snmp->community_file != NULL) {
        enum kms_status status = read_secret(snmp->community_file, 1, secret, fault);
        if (status != KMS_OK) {
            return status;
        }
        word = secret;
    }
    enum kms_status status = KMS_OK;
    if (word != NULL && !is_plain(word)) {
        status = kms_fault_set(
            fault, KMS_EINVAL, 0,
            "the community is not a plain word; allowed: 1 to %d printable ASCII "
            "characters without blanks, quotes, '\\' and '#'",
            COMMUNITY_MAX);
    } else if (word != NULL ? !allow_community(word) : snmp->user_count == 0 && !allow_public()) {
        status = refused(fault);
    }
    kms_secret_forget(secret);
    return status;
}

static const oid *hash_of(int64_t auth, size_t *ret_len)
{
    *ret_len = OID_LENGTH(usmHMACSHA1AuthProtocol); /* the same for all of them */
    switch ((enum kms_site_auth)auth) {
    case KMS_SITE_AUTH_SHA1:
        return usmHMACSHA1AuthProtocol;
    case KMS_SITE_AUTH_SHA224:
        return usmHMAC128SHA224AuthProtocol;
    case KMS_SITE_AUTH_SHA256:
        return usmHMAC192SHA256AuthProtocol;
    case KMS_SITE_AUTH_SHA384:
        return usmHMAC256SHA384AuthProtocol;
    case KMS_SITE_AUTH_SHA512:
        return usmHMAC384SHA512AuthProtocol;
    }
    return NULL;
}

/* RFC 3414, A.2: a pass phrase becomes a key, and the key one of this engine alone. */
static bool make_key(const oid *hash, size_t hash_len, const struct usmUser *user,
                     const char *phrase, u_char **ret_key, size_t *ret_len)
{
    u_char general[USM_LENGTH_KU_HASHBLOCK], local[USM_LENGTH_KU_HASHBLOCK];
    size_t general_len = sizeof general, local_len = sizeof local;
    bool made = generate_Ku(hash, (u_int)hash_len, (const u_char *)phrase, strlen(phrase), general,
                            &general_len) == SNMPERR_SUCCESS &&
                generate_kul(hash, (u_int)hash_len, user->engineID, user->engineIDLen, general,
                             general_len, local, &local_len) == SNMPERR_SUCCESS;
    if (made) {
        *ret_key = malloc(local_len);
        made = *ret_key != NULL;
    }
    if (made) {
        memcpy(*ret_key, local, local_len);
        *ret_len = local_len;
    }
    explicit_bzero(general, sizeof general);
    explicit_bzero(local, sizeof local);
    return made;
}

static bool set_auth(struct usmUser *user, int64_t auth, const char *phrase)
{
    size_t len;
    const oid *hash = hash_of(auth, &len);
    if (hash == NULL) {
        return false;
    }
    free(user->authProtocol);
    user->authProtocol = snmp_duplicate_objid(hash, len);
    user->authProtocolLen = user->authProtocol != NULL ? len : 0;
    return user->authProtocol != NULL &&
           make_key(hash, len, user, phrase, &user->authKey, &user->authKeyLen);
}

static bool set_priv(struct usmUser *user, const char *phrase)
{
    size_t len = OID_LENGTH(usmAESPrivProtocol);
    free(user->privProtocol);
    user->privProtocol = snmp_duplicate_objid(usmAESPrivProtocol, len);
    user->privProtocolLen = user->privProtocol != NULL ? len : 0;
    if (user->privProtocol == NULL || !make_key(user->authProtocol, user->authProtocolLen, user,
                                                phrase, &user->privKey, &user->privKeyLen)) {
        return false;
    }
    /* Every hash that is let in is longer than an AES key. */
    user->privKeyLen = AES_KEY_BYTES;
    return true;
}

static bool set_names(struct usmUser *user, const char *name)
{
    user->engineID = snmpv3_generate_engineID(&user->engineIDLen);
    user->name = kms_text_dup(name);
    user->secName = kms_text_dup(name);
    user->userStorageType = SNMP_STORAGE_PERMANENT;
    return user->engineID != NULL && user->name != NULL && user->secName != NULL;
}

/* Not by a line of snmpd.conf: a name may be made of anything. */
static bool put_in_group(const char *name, const char *group)
{
    struct vacm_groupEntry *entry = vacm_createGroupEntry(SNMP_SEC_MODEL_USM, name);
    if (entry == NULL) {
        return false;
    }
    (void)kms_text_copy(entry->groupName, sizeof entry->groupName, group);
    entry->storageType = SNMP_STORAGE_PERMANENT;
    entry->status = SNMP_ROW_ACTIVE;
    free(entry->reserved);
    entry->reserved = NULL;
    return true;
}

static bool add_user(const struct kms_site_user *config, const char *auth, const char *priv)
{
    struct usmUser *user = usm_create_user();
    if (user == NULL) {
        return false;
    }
    bool made = set_names(user, config->name) && set_auth(user, config->auth, auth) &&
                (priv == NULL || set_priv(user, priv));
    if (!made || usm_add_user(user) == NULL) {
        (void)usm_free_user(user);
        return false;
    }
    return put_in_group(config->name, priv != NULL ? GROUP_PRIV : GROUP_AUTH);
}

static enum kms_status allow_user(const struct kms_site_user *config, struct kms_fault *fault)
{
    bool private = config->priv == KMS_SITE_PRIV_AES;
    char auth[KMS_SECRET_SIZE], priv[KMS_SECRET_SIZE];
    enum kms_status status = read_secret(config->auth_file, KMS_SECRET_PHRASE_MIN, auth, fault);
    if (status == KMS_OK && private) {
        status = read_secret(config->priv_file, KMS_SECRET_PHRASE_MIN, priv, fault);
    }
    if (status == KMS_OK && !add_user(config, auth, private ? priv : NULL)) {
        status = kms_fault_set(fault, KMS_EINVAL, 0, "Net-SNMP did not take the user '%.64s'",
                               config->name);
    }
    kms_secret_forget(auth);
    kms_secret_forget(priv);
    return status;
}

enum kms_status kms_snmp_access_allow(const struct kms_site_snmp *snmp, struct kms_fault *fault)
{
    enum kms_status status = allow_communities(snmp, fault);
    for (size_t i = 0; i < snmp->user_count && status == KMS_OK; i++) {
        status = allow_user(&snmp->user[i], fault);
    }
    return status;
}
