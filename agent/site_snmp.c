/* Reads and prints the block snmp with its users. */
#include "agent/site_snmp.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/bind.h"
#include "base/secret.h"
#include "agent/site_check.h"
#include "agent/site_print.h"
#include "base/text.h"
#include "net/address.h"

enum { COMMUNITY_MAX_LEN = 64, USER_MAX_LEN = 32 /* RFC 3414, usmUserName */ };

/* The block before it becomes part of the site. */
struct snmp_values {
    struct kms_site_snmp snmp;
    bool listen_given;
};

static const struct kms_opt_choice auths[] = {
    {"sha1", KMS_SITE_AUTH_SHA1},     {"sha224", KMS_SITE_AUTH_SHA224},
    {"sha256", KMS_SITE_AUTH_SHA256}, {"sha384", KMS_SITE_AUTH_SHA384},
    {"sha512", KMS_SITE_AUTH_SHA512}, {0},
};

static const struct kms_opt_choice privs[] = {
    {"aes", KMS_SITE_PRIV_AES},
    {"none", KMS_SITE_PRIV_NONE},
    {0},
};

#define ROW(in, name, kind, type_of, member) \
    .section = (in), .key = (name), .type = (kind), .offset = offsetof(struct type_of, member)

static const struct kms_opt snmp_rows[] = {
    {ROW("snmp", "listen", KMS_OPT_TEXTS, snmp_values, snmp.listen),
     .given_offset = offsetof(struct snmp_values, listen_given), .preset = "udp:127.0.0.1:1161",
     .arg = "LIST", .help = "where the agent's own SNMP port is, with --standalone"},
    {ROW("snmp", "community", KMS_OPT_TEXT, snmp_values, snmp.community),
     .given_offset = KMS_OPT_NO_GIVEN, .arg = "WORD",
     .help = "reads by SNMPv1 and v2c; default: public, for loopback only and without users"},
    {ROW("snmp", "community-file", KMS_OPT_TEXT, snmp_values, snmp.community_file),
     .given_offset = KMS_OPT_NO_GIVEN, .arg = "FILE",
     .help = "file whose first line is the community"},
    KMS_OPT_END,
};

static const struct kms_opt user_rows[] = {
    {ROW("snmp.user", "auth", KMS_OPT_CHOICE, kms_site_user, auth),
     .given_offset = KMS_OPT_NO_GIVEN, .preset = "sha256", .choices = auths, .arg = "WORD",
     .help = "how the user proves who it is"},
    {ROW("snmp.user", "auth-file", KMS_OPT_TEXT, kms_site_user, auth_file),
     .given_offset = KMS_OPT_NO_GIVEN, .arg = "FILE",
     .help = "file whose first line is the pass phrase for auth; required"},
    {ROW("snmp.user", "priv", KMS_OPT_CHOICE, kms_site_user, priv),
     .given_offset = KMS_OPT_NO_GIVEN, .preset = "aes", .choices = privs, .arg = "WORD",
     .help = "how the user's traffic is encrypted"},
    {ROW("snmp.user", "priv-file", KMS_OPT_TEXT, kms_site_user, priv_file),
     .given_offset = KMS_OPT_NO_GIVEN, .arg = "FILE",
     .help = "file whose first line is the pass phrase for priv; required with aes"},
    KMS_OPT_END,
};

static const struct kms_bind_block snmp_blocks[] = {
    {.name = "user", .usage = "user \"NAME\" { ... }", .titled = true, .repeated = true},
    {0},
};

static const struct kms_bind in_snmp = {snmp_rows, "snmp", snmp_blocks};
static const struct kms_bind in_user = {user_rows, "snmp.user", NULL};

/* ---- listen ---- */

/* ADDRESS:PORT, an IPv6 address between brackets. */
static bool read_endpoint(const char *text, bool ipv6, struct kms_address *ret)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !kms_text_i64(colon + 1, &port) || port < 1 || port > UINT16_MAX) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    if (ipv6) {
        if (len < 3 || text[0] != '[' || text[len - 1] != ']') {
            return false;
        }
        text++;
        len -= 2;
    }
    char host[KMS_ADDRESS_TEXT];
    return kms_text_format(host, sizeof host, "%.*s", (int)(len < 128 ? len : 128), text) &&
           kms_address_parse(host, (uint16_t)port, ret) &&
           kms_address_family(ret) == (ipv6 ? AF_INET6 : AF_INET);
}

static bool is_loopback(const struct kms_address *address)
{
    if (kms_address_family(address) == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&address->to.v6.sin6_addr) != 0;
    }
    return ntohl(address->to.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool is_listen(const char *text, bool *ret_local)
{
    static const struct {
        const char *prefix;
        bool ipv6;
    } transports[] = {{"udp:", false}, {"udp6:", true}, {"tcp:", false}, {"tcp6:", true}};
    for (size_t i = 0; i < KMS_COUNT_OF(transports); i++) {
        if (kms_text_starts(text, transports[i].prefix)) {
            struct kms_address address;
            const char *endpoint = text + strlen(transports[i].prefix);
            if (!read_endpoint(endpoint, transports[i].ipv6, &address)) {
                return false;
            }
            *ret_local = is_loopback(&address);
            return true;
        }
    }
    const size_t path_size = sizeof((struct sockaddr_un *)NULL)->sun_path;
    *ret_local = true;
    return kms_text_starts(text, "unix:/") && kms_site_is_word(text, path_size + 4) &&
           text[strlen("unix:/")];
}

bool kms_site_is_listen(const char *text)
{
    bool local;
    return is_listen(text, &local);
}

static void check_listen(const struct kms_conf_node *block, const struct kms_site_snmp *snmp,
                         struct kms_conf_errors *errors)
{
    struct kms_texts seen = {.text = snmp->listen.text};
    bool open_to_all = !snmp->community && !snmp->community_file &&
                       !kms_bind_find(block->child, "user");
    for (; seen.count < snmp->listen.count; seen.count++) {
        const char *text = snmp->listen.text[seen.count];
        bool local = true;
        if (!is_listen(text, &local)) {
            kms_bind_wrong(block, "listen", text,
                           "is not a place to listen; allowed: " KMS_SITE_LISTEN_ALLOWED, errors);
        } else if (kms_texts_has(&seen, text)) {
            kms_bind_wrong(block, "listen", text, "is there a second time; allowed: each one once",
                           errors);
        } else if (open_to_all && !local) {
            kms_bind_wrong(block, "listen", text,
                           "can be reached from other machines, where the default community "
                           "'public' is not served; add community, community-file or user \"NAME\" "
                           "{ ... }",
                           errors);
        }
    }
}

/* ---- secrets ---- */

static void check_secret(const struct kms_conf_node *block, const char *key, const char *path,
                         size_t least, bool word, struct kms_conf_errors *errors)
{
    size_t before = errors->count;
    kms_site_check_path(block, key, path, errors);
    if (!path || errors->count > before) {
        return;
    }
    char secret[KMS_SECRET_SIZE];
    struct kms_fault fault = {0};
    enum kms_status status = kms_secret_read(path, least, secret, &fault);
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
    } else if (status != KMS_OK) {
        kms_bind_wrong(block, key, path, fault.text, errors);
    } else if (word && !kms_site_is_word(secret, COMMUNITY_MAX_LEN)) {
        kms_bind_wrong(block, key, path,
                       "holds no community; allowed: a first line of 1 to 64 letters, digits and "
                       "signs without blanks, quotes, \\ and #",
                       errors);
    }
    kms_secret_forget(secret);
}

/* The wrong value is not repeated: it may be a secret that has a wrong letter in it. */
static void check_community(const struct kms_conf_node *block, const struct kms_site_snmp *snmp,
                            struct kms_conf_errors *errors)
{
    if (snmp->community && !kms_site_is_word(snmp->community, COMMUNITY_MAX_LEN)) {
        kms_bind_wrong(block, "community", "***",
                       "is not a community; allowed: 1 to 64 letters, digits and signs without "
                       "blanks, quotes, \\ and #",
                       errors);
    }
    if (snmp->community && !kms_text_equal(snmp->community, "public")) {
        kms_site_check_closed(block, "community", errors);
    }
    if (snmp->community && snmp->community_file) {
        kms_bind_wrong(block, "community-file", snmp->community_file,
                       "stands beside community; allowed: one of them", errors);
    }
    check_secret(block, "community-file", snmp->community_file, 1, true, errors);
}

/* ---- users ---- */

static void check_user(const struct kms_conf_node *block, const struct kms_site_user *user,
                       struct kms_conf_errors *errors)
{
    if (!user->auth_file) {
        kms_conf_error(errors, block->file, block->line,
                       "user: auth-file is missing; allowed: auth-file = \"/PATH\" of a file whose "
                       "first line is the pass phrase");
    }
    check_secret(block, "auth-file", user->auth_file, KMS_SECRET_PHRASE_MIN, false, errors);
    if (user->priv == KMS_SITE_PRIV_NONE && user->priv_file) {
        kms_bind_wrong(block, "priv-file", user->priv_file,
                       "has no use with priv = none; allowed: priv = aes, or no priv-file", errors);
        return;
    }
    if (user->priv == KMS_SITE_PRIV_AES && !user->priv_file) {
        kms_conf_error(errors, block->file, block->line,
                       "user: priv-file is missing; allowed: priv-file = \"/PATH\" of a file whose "
                       "first line is the pass phrase, or priv = none");
    }
    check_secret(block, "priv-file", user->priv_file, KMS_SECRET_PHRASE_MIN, false, errors);
}

static void check_user_name(const struct kms_conf_node *block, const struct kms_site_snmp *snmp,
                            struct kms_conf_errors *errors)
{
    if (!block->title) {
        return; /* reported when the block was seen */
    }
    char shown[64];
    kms_text_clean(shown, sizeof shown, block->title, strlen(block->title));
    if (!kms_site_is_word(block->title, USER_MAX_LEN)) {
        kms_conf_error(errors, block->file, block->line,
                       "user: '%s' is not a name; allowed: 1 to 32 letters, digits and signs "
                       "without blanks, quotes, \\ and #",
                       shown);
    }
    for (size_t i = 0; i < snmp->user_count; i++) {
        if (kms_text_equal(snmp->user[i].name, block->title)) {
            kms_conf_error(errors, block->file, block->line,
                           "user '%s' is there a second time; allowed: one block a user", shown);
            return;
        }
    }
}

static void read_user(const struct kms_conf_node *block, struct kms_site_snmp *snmp,
                      struct kms_conf_errors *errors)
{
    check_user_name(block, snmp, errors);
    struct kms_site_user *user = &snmp->user[snmp->user_count++];
    user->name = kms_text_dup(block->title ? block->title : "");
    if (!user->name || kms_opts_preset(user_rows, user) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    kms_bind_apply(&in_user, block, user, errors);
    check_user(block, user, errors);
}

static void read_users(const struct kms_conf_node *block, struct kms_site_snmp *snmp,
                       struct kms_conf_errors *errors)
{
    size_t count = 0;
    const struct kms_conf_node *at = kms_bind_find(block->child, "user");
    for (; at; at = kms_bind_find(at->next, "user")) {
        count++;
    }
    if (count == 0) {
        return;
    }
    snmp->user = calloc(count, sizeof *snmp->user);
    if (!snmp->user) {
        kms_conf_out_of_memory(errors);
        return;
    }
    at = kms_bind_find(block->child, "user");
    for (; at; at = kms_bind_find(at->next, "user")) {
        read_user(at, snmp, errors);
    }
}

/* ---- the block ---- */

void kms_site_read_snmp(const struct kms_conf_node *block, struct kms_site_snmp *snmp,
                        struct kms_conf_errors *errors)
{
    struct snmp_values values = {0};
    if (kms_opts_preset(snmp_rows, &values) != KMS_OK) {
        kms_conf_out_of_memory(errors);
    } else if (block) {
        kms_bind_apply(&in_snmp, block, &values, errors);
        check_listen(block, &values.snmp, errors);
        check_community(block, &values.snmp, errors);
        read_users(block, &values.snmp, errors);
    }
    *snmp = values.snmp;
}

void kms_site_snmp_done(struct kms_site_snmp *snmp)
{
    struct snmp_values values = {.snmp = *snmp};
    for (size_t i = 0; i < values.snmp.user_count; i++) {
        free(values.snmp.user[i].name);
        kms_opts_free_values(user_rows, &values.snmp.user[i]);
    }
    free(values.snmp.user);
    kms_opts_free_values(snmp_rows, &values);
    *snmp = (struct kms_site_snmp){0};
}

static enum kms_status print_user(const struct kms_site_user *user, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "    user ");
    if (status == KMS_OK) {
        status = kms_conf_quote(buf, user->name);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, " {\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_rows(user_rows, "snmp.user", user, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_print_snmp(const struct kms_site_snmp *snmp, struct kms_buf *buf)
{
    struct snmp_values shown = {.snmp = *snmp};
    shown.snmp.community = NULL;
    enum kms_status status = kms_buf_add_str(buf, "\nsnmp {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(snmp_rows, "snmp", &shown, "    ", buf);
    }
    if (status == KMS_OK && snmp->community) {
        status = kms_buf_add_str(buf, "    # community: not shown\n");
    }
    for (size_t i = 0; i < snmp->user_count && status == KMS_OK; i++) {
        status = print_user(&snmp->user[i], buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_snmp_keys(struct kms_buf *buf)
{
    enum kms_status status = kms_site_list_keys(&in_snmp, buf);
    return status == KMS_OK ? kms_site_list_keys(&in_user, buf) : status;
}
