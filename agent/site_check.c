/* Refuses configured values that have the right type and still cannot work. */
#include "agent/site_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bind.h"
#include "base/text.h"
#include "net/resolve.h"
#include "report/place.h"

#define NAME_MAX_LEN  253
#define LABEL_MAX_LEN 63

bool kms_site_is_word(const char *text, size_t max)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"'\\#", text[i])) {
            return false;
        }
    }
    return len > 0 && len <= max;
}

static bool has_blank_or_control(const char *text)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        if (c <= 0x20 || (c >= 0x7F && c <= 0xA0)) {
            return true;
        }
    }
    return false;
}

/* Whether cleaning for logs and SNMP would leave the text as it is. */
static bool is_plain(const char *text)
{
    char clean[KMS_CONF_TEXT_MAX + 1];
    kms_text_clean(clean, sizeof clean, text, strlen(text));
    return kms_text_equal(clean, text);
}

/* ---- names and addresses ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    char lower = kms_text_lower(c);
    return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* A DNS name. One whose last label is a number is a mistyped IPv4 address: no such domain exists.
 */
static bool is_dns_name(const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > NAME_MAX_LEN) {
        return false;
    }
    size_t label = 0;
    bool number = true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            number = true;
            continue;
        }
        label++;
        number = number && is_digit(text[i]);
        if (!is_name_char(text[i]) || label > LABEL_MAX_LEN) {
            return false;
        }
    }
    return label > 0 && !number;
}

/* An IPv6 address may end in the network interface that it belongs to: fe80::1%eth0. */
static bool is_ipv6(const char *text)
{
    char address[INET6_ADDRSTRLEN + 1];
    size_t len = strcspn(text, "%");
    struct in6_addr binary;
    bool zone = text[len] == '%';
    return len < sizeof address && (!zone || is_dns_name(text + len + 1)) &&
           kms_text_format(address, sizeof address, "%.*s", (int)len, text) &&
           inet_pton(AF_INET6, address, &binary) == 1;
}

static bool is_address(const char *text)
{
    struct in_addr ipv4;
    return inet_pton(AF_INET, text, &ipv4) == 1 || is_ipv6(text) || is_dns_name(text);
}

void kms_site_check_address(const struct kms_conf_node *block, const char *address,
                            struct kms_conf_errors *errors)
{
    if (address && !is_address(address)) {
        kms_bind_wrong(
            block, "address", address,
            "is neither a DNS name nor an IP address; allowed: a name of letters, digits, '-', "
            "'_' and '.', or an address such as 192.0.2.1 or 2001:db8::1",
            errors);
    }
}

/* What is wrong with a domain; NULL: nothing. */
static const char *wrong_domain(const char *domain)
{
    static const char prefix[] = "_vlmcs._tcp";
    if (strncasecmp(domain, prefix, sizeof prefix - 1) == 0) {
        return "is a record's name; allowed: the domain alone, leave _vlmcs._tcp away";
    }
    if (!is_dns_name(domain) || strlen(domain) > NAME_MAX_LEN - sizeof prefix) {
        return "is not a domain; allowed: a DNS name such as example.com, 241 bytes at most and 63 "
               "between two dots";
    }
    return NULL;
}

void kms_site_check_domains(const struct kms_conf_node *block, const char *key,
                            struct kms_texts *domains, struct kms_conf_errors *errors)
{
    struct kms_texts seen = {.text = domains->text};
    for (; seen.count < domains->count; seen.count++) {
        char *domain = domains->text[seen.count];
        size_t len = strlen(domain);
        if (len > 1 && domain[len - 1] == '.') {
            domain[len - 1] = '\0';
        }
        const char *wrong = wrong_domain(domain);
        if (!wrong && kms_texts_has(&seen, domain)) {
            wrong = "is there a second time; allowed: every domain once";
        }
        if (wrong) {
            kms_bind_wrong(block, key, domain, wrong, errors);
        }
    }
}

void kms_site_check_servers(const struct kms_conf_node *block, const char *key, const char *servers,
                            struct kms_conf_errors *errors)
{
    struct kms_fault fault = {0};
    enum kms_status status = servers ? kms_resolver_check_servers(servers, &fault) : KMS_OK;
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
    } else if (status != KMS_OK) {
        char wrong[320];
        kms_text_format(wrong, sizeof wrong, "cannot be used: %s%s", fault.text,
                        status == KMS_EINVAL ? "; allowed: fewer of them" : "");
        kms_bind_wrong(block, key, servers, wrong, errors);
    }
}

/* HOST:PORT, where an IPv6 address, if there may be one, stands between brackets. */
static bool is_host_and_port(const char *text, bool ipv6)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !kms_text_i64(colon + 1, &port) || port < 1 || port > 65535) {
        return false;
    }
    char host[NAME_MAX_LEN + 2];
    bool brackets = ipv6 && text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    int len = (int)(colon - text) - (brackets ? 2 : 0);
    return kms_text_format(host, sizeof host, "%.*s", len, text + (brackets ? 1 : 0)) &&
           (brackets ? is_ipv6(host) : !strchr(host, ':') && is_address(host));
}

static bool is_agentx(const char *text)
{
    const char *path = kms_text_starts(text, "unix:") ? text + strlen("unix:") : text;
    if (path[0] == '/') {
        return path[1] && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path &&
               !has_blank_or_control(path) && is_plain(path);
    }
    if (kms_text_starts(text, "tcp:")) {
        return is_host_and_port(text + strlen("tcp:"), false);
    }
    return kms_text_starts(text, "tcp6:") && is_host_and_port(text + strlen("tcp6:"), true);
}

void kms_site_check_agentx(const struct kms_conf_node *block, const char *agentx,
                           struct kms_conf_errors *errors)
{
    if (agentx && !is_agentx(agentx)) {
        kms_bind_wrong(
            block, "agentx", agentx,
            "is not an address of an AgentX master; allowed: unix:/PATH or /PATH without blanks "
            "and shorter than 108 bytes, tcp:HOST:PORT, tcp6:HOST:PORT, tcp6:[ADDRESS]:PORT",
            errors);
    }
}

void kms_site_check_host_name(const struct kms_conf_node *block, struct kms_conf_errors *errors)
{
    if (!block->title) {
        return; /* reported when the block was seen */
    }
    if (!block->title[0] || strlen(block->title) > 255 || has_blank_or_control(block->title) ||
        !is_plain(block->title)) {
        char shown[64];
        kms_text_clean(shown, sizeof shown, block->title, strlen(block->title));
        kms_conf_error(errors, block->file, block->line,
                       "host: '%s' is not a name; allowed: 1 to 255 visible bytes without blanks",
                       shown);
    }
}

/* ---- files and URLs ---- */

void kms_site_check_path(const struct kms_conf_node *block, const char *key, const char *value,
                         struct kms_conf_errors *errors)
{
    if (value && (value[0] != '/' || !is_plain(value))) {
        kms_bind_wrong(block, key, value, "is not an absolute path; allowed: /FOLDER/NAME", errors);
    }
}

/* 0, or the errno of what keeps the file from being read. Nothing but a regular file is opened. */
static int try_to_read(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return errno;
    }
    if (!S_ISREG(about.st_mode)) {
        return S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return 0;
}

void kms_site_check_ca_file(const struct kms_conf_node *block, const char *path,
                            struct kms_conf_errors *errors)
{
    if (!path || path[0] != '/' || !is_plain(path)) {
        kms_site_check_path(block, "ca-file", path, errors);
        return;
    }
    int error = try_to_read(path);
    if (error != 0) {
        char wrong[160];
        kms_text_format(wrong, sizeof wrong,
                        "cannot be read (%s); allowed: a PEM file that the agent may read",
                        strerror(error));
        kms_bind_wrong(block, "ca-file", path, wrong, errors);
    }
}

/* A group that may read is the administrator's wish, as root:kmsmon 0640. What is no file has no
 * readers. */
void kms_site_check_closed(const struct kms_conf_node *block, const char *key,
                           struct kms_conf_errors *errors)
{
    const char *file = block->file;
    for (const struct kms_conf_node *child = block->child; child; child = child->next) {
        file = kms_text_equal(child->name, key) ? child->file : file;
    }
    struct stat about;
    if (stat(file, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH) != 0) {
        kms_bind_wrong(block, key, "***",
                       "is a secret in a file that everybody may read; chmod o-r that file",
                       errors);
    }
}

static void check_url_secret(const struct kms_conf_node *block, const char *url,
                             struct kms_conf_errors *errors)
{
    struct kms_buf shown;
    kms_buf_init(&shown, KMS_CONF_TEXT_MAX + 16);
    bool hidden = false;
    if (kms_place_hide_password(url, &shown, &hidden) != KMS_OK) {
        kms_conf_out_of_memory(errors);
    } else if (hidden && !kms_text_equal(kms_buf_str(&shown), url)) {
        kms_site_check_closed(block, "url", errors);
    }
    kms_buf_done(&shown);
}

static void report_url(const struct kms_conf_node *block, const char *url, const char *wrong,
                       struct kms_conf_errors *errors)
{
    struct kms_buf shown;
    kms_buf_init(&shown, KMS_CONF_TEXT_MAX + 16);
    bool hidden;
    if (kms_place_hide_password(url, &shown, &hidden) == KMS_OK) {
        char text[256];
        kms_text_format(text, sizeof text,
                        "%s; allowed: /PATH, file:///PATH, http://SERVER/PATH, https://SERVER/PATH",
                        wrong);
        kms_bind_wrong(block, "url", kms_buf_str(&shown), text, errors);
    } else {
        kms_conf_out_of_memory(errors);
    }
    kms_buf_done(&shown);
}

void kms_site_check_url(const struct kms_conf_node *block, const char *url,
                        struct kms_conf_errors *errors)
{
    if (!url) {
        kms_conf_error(errors, block->file, block->line,
                       "report: url is missing; allowed: url = \"/PATH\", or a URL with file://, "
                       "http:// or https://");
        return;
    }
    struct kms_place place;
    struct kms_fault fault = {0};
    enum kms_status status = url[0] ? kms_place_parse(url, &place, &fault) : KMS_OK;
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
        return;
    }
    if (status != KMS_OK) {
        char wrong[160];
        kms_text_format(wrong, sizeof wrong, "cannot be used: %s", fault.text);
        report_url(block, url, wrong, errors);
        return;
    }
    bool absolute = url[0] &&
                    (place.kind == KMS_PLACE_HTTP ||
                     (place.kind == KMS_PLACE_FILE && place.path[0] == '/' && place.path[1]));
    if (!absolute || !is_plain(url)) {
        report_url(block, url, "is neither an absolute path nor a URL", errors);
    } else {
        check_url_secret(block, url, errors);
    }
    if (url[0]) {
        kms_place_done(&place);
    }
}

/* ---- numbers that belong together ---- */

/* A warning and a critical threshold; early_is_less: the lower number is reached first. */
struct pair {
    const char *warning, *critical;
    size_t warning_offset, critical_offset;
    bool early_is_less;
};

#define PAIR(name, member, unit, less)                                                          \
    {                                                                                           \
        name "-warning", name "-critical", offsetof(struct kms_policy, member##_warning##unit), \
            offsetof(struct kms_policy, member##_critical##unit), less                          \
    }

static const struct pair pairs[] = {
    PAIR("expires", expires, _ms, false),
    PAIR("failed", failed, , true),
    PAIR("failed-ratio", failed_ratio, , true),
    PAIR("skew", skew, _ms, true),
};

static int64_t number_at(const struct kms_policy *policy, size_t offset)
{
    int64_t number;
    memcpy(&number, (const char *)policy + offset, sizeof number);
    return number;
}

/* The value as the configuration writes it. */
static void print_key(const struct kms_policy *policy, const char *key, char *dst, size_t size)
{
    dst[0] = '\0';
    for (const struct kms_opt *opt = kms_policy_opts(); !kms_opt_is_end(opt); opt++) {
        if (kms_text_equal(opt->key, key)) {
            kms_opt_print(opt, policy, dst, size);
        }
    }
}

static void check_pair(const struct kms_conf_node *block, const struct kms_policy *policy,
                       const struct pair *pair, struct kms_conf_errors *errors)
{
    int64_t warning = number_at(policy, pair->warning_offset);
    int64_t critical = number_at(policy, pair->critical_offset);
    if (pair->early_is_less ? warning <= critical : warning >= critical) {
        return;
    }
    /* The pair may be wrong by one value and the default of the other. */
    bool given = kms_bind_is_set(block, pair->warning);
    const char *order = pair->early_is_less ? "more" : "less";
    char value[64];
    char limit[64];
    print_key(policy, pair->warning, value, sizeof value);
    print_key(policy, pair->critical, limit, sizeof limit);
    char wrong[160];
    if (given) {
        kms_text_format(wrong, sizeof wrong, "is %s than %s, which is %s; allowed: %s or %s", order,
                        pair->critical, limit, limit, pair->early_is_less ? "less" : "more");
        kms_bind_wrong(block, pair->warning, value, wrong, errors);
    } else {
        kms_text_format(wrong, sizeof wrong, "is %s than %s, which is %s; allowed: %s or %s",
                        pair->early_is_less ? "less" : "more", pair->warning, value, value, order);
        kms_bind_wrong(block, pair->critical, limit, wrong, errors);
    }
}

void kms_site_check_policy(const struct kms_conf_node *block, const struct kms_policy *policy,
                           struct kms_conf_errors *errors)
{
    for (size_t i = 0; i < KMS_COUNT_OF(pairs); i++) {
        check_pair(block, policy, &pairs[i], errors);
    }
}
