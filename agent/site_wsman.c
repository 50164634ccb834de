/* Reads and prints the blocks credentials and wsman. */
#include "agent/site_wsman.h"

#include <stdlib.h>
#include <string.h>

#include "agent/site_check.h"
#include "agent/site_print.h"
#include "base/bind.h"
#include "base/text.h"
#include "model/credentials_conf.h"
#include "wsman/url.h"

#define MINUTE_MS       INT64_C(60000)
#define DAY_MS          INT64_C(86400000)
#define NEAR            3 /* letters that may be wrong in a name for which another one is suggested */
#define PIN_DIGITS      64
#define SERVICE_MAX_LEN 32
#define INTERVALS_FRESH 3 /* an answer that is missed once or twice does not make data stale */

/* The block before it becomes a source of the host. */
struct wsman_values {
    struct kms_source_config source;
    char *credentials;
    bool max_age_given;
};

#define ROW(name, kind, member)                             \
    .section = "host.wsman", .key = (name), .type = (kind), \
    .offset = offsetof(struct wsman_values, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("url", KMS_OPT_TEXT, source.url), .arg = "URL",
     .help = "of the WinRM listener; default: https://ADDRESS:5986/wsman"},
    {ROW("credentials", KMS_OPT_TEXT, credentials), .arg = "NAME",
     .help = "the credentials block to log in with; required"},
    {ROW("ca-file", KMS_OPT_TEXT, source.ca_file), .arg = "FILE",
     .help = "PEM file that the listener's certificate is checked against; default: the system's"},
    {ROW("pin", KMS_OPT_TEXT, source.pin), .arg = "HEX",
     .help = "SHA-256 of the listener's public key, 64 hexadecimal digits"},
    {ROW("service", KMS_OPT_TEXT, source.service), .preset = "HTTP", .arg = "WORD",
     .help = "service of the host's Kerberos principal"},
    {ROW("interval", KMS_OPT_DURATION, source.interval_ms), .min = MINUTE_MS, .max = DAY_MS,
     .preset = "5m", .arg = "TIME", .help = "time between two polls"},
    {ROW("timeout", KMS_OPT_DURATION, source.timeout_ms), .min = 1000, .max = 10 * MINUTE_MS,
     .preset = "45s", .arg = "TIME", .help = "longest time that one poll may take"},
    {.section = "host.wsman",
     .key = "max-age",
     .type = KMS_OPT_DURATION,
     .offset = offsetof(struct wsman_values, source.max_age_ms),
     .given_offset = offsetof(struct wsman_values, max_age_given),
     .min = 0,
     .max = 3650 * DAY_MS,
     .preset = "1h",
     .arg = "TIME",
     .help = "older data is stale; default: 1h, or three intervals; 0: no limit"},
    KMS_OPT_END,
};

static const struct kms_bind in_wsman = {rows, "host.wsman", NULL};

/* ---- credentials ---- */

static const struct kms_credentials *find(const struct kms_site *site, const char *name)
{
    for (size_t i = 0; i < site->credentials_count; i++) {
        if (kms_text_equal(site->credentials[i].name, name)) {
            return &site->credentials[i];
        }
    }
    return NULL;
}

void kms_site_read_credentials(const struct kms_conf_node *root, struct kms_site *site,
                               struct kms_conf_errors *errors)
{
    size_t count = 0;
    const struct kms_conf_node *block = kms_bind_find(root->child, "credentials");
    for (; block; block = kms_bind_find(block->next, "credentials")) {
        count++;
    }
    site->credentials = count > 0 ? calloc(count, sizeof *site->credentials) : NULL;
    if (count > 0 && !site->credentials) {
        kms_conf_out_of_memory(errors);
        return;
    }
    block = kms_bind_find(root->child, "credentials");
    for (; block; block = kms_bind_find(block->next, "credentials")) {
        if (block->title && find(site, block->title)) {
            char shown[64];
            kms_text_clean(shown, sizeof shown, block->title, strlen(block->title));
            kms_conf_error(errors, block->file, block->line,
                           "credentials '%s' are there a second time; allowed: one block a name",
                           shown);
        }
        kms_credentials_read(block, &site->credentials[site->credentials_count++], errors);
    }
}

void kms_site_credentials_done(struct kms_site *site)
{
    for (size_t i = 0; i < site->credentials_count; i++) {
        kms_credentials_done(&site->credentials[i]);
    }
    free(site->credentials);
    site->credentials = NULL;
    site->credentials_count = 0;
}

/* The block that was probably meant; NULL: none is near. */
static const char *nearest(const struct kms_site *site, const char *wanted)
{
    const char *best = NULL;
    size_t best_distance = NEAR + 1;
    for (size_t i = 0; i < site->credentials_count; i++) {
        size_t distance = kms_bind_distance(wanted, site->credentials[i].name);
        if (distance < best_distance) {
            best = site->credentials[i].name;
            best_distance = distance;
        }
    }
    return best;
}

static void take_credentials(const struct kms_conf_node *block, const struct kms_site *site,
                             const char *name, struct kms_source_config *source,
                             struct kms_conf_errors *errors)
{
    if (!name) {
        if (!kms_bind_is_set(block, "credentials")) {
            kms_conf_error(errors, block->file, block->line,
                           "wsman: credentials is missing; allowed: credentials = \"NAME\" of a "
                           "block " KMS_CREDENTIALS_USAGE);
        }
        return;
    }
    const struct kms_credentials *found = find(site, name);
    if (!found) {
        const char *near = nearest(site, name);
        char wrong[200];
        kms_text_format(wrong, sizeof wrong,
                        "is no credentials block%s%.64s%s; allowed: the name of a block "
                        "" KMS_CREDENTIALS_USAGE,
                        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        kms_bind_wrong(block, "credentials", name, wrong, errors);
        return;
    }
    source->credentials = calloc(1, sizeof *source->credentials);
    if (!source->credentials || kms_credentials_copy(source->credentials, found) != KMS_OK) {
        kms_conf_out_of_memory(errors);
    }
}

/* ---- the block ---- */

static bool is_pin(const char *text)
{
    return strlen(text) == PIN_DIGITS && strspn(text, "0123456789abcdefABCDEF") == PIN_DIGITS;
}

/* What is only said of TLS, where the address has none. */
static void check_without_tls(const struct kms_conf_node *block,
                              const struct kms_source_config *source,
                              struct kms_conf_errors *errors)
{
    static const char no_use[] = "has no use with http://; allowed: an https:// url";
    if (source->ca_file) {
        kms_bind_wrong(block, "ca-file", source->ca_file, no_use, errors);
    }
    if (source->pin) {
        kms_bind_wrong(block, "pin", source->pin, no_use, errors);
    }
    int64_t auth = source->credentials ? source->credentials->auth : KMS_AUTH_NEGOTIATE;
    if (auth == KMS_AUTH_BASIC || auth == KMS_AUTH_CERTIFICATE) {
        kms_bind_wrong(block, "credentials", source->credentials->name,
                       "are of auth = basic or certificate, which go over https:// only; allowed: "
                       "an https:// url, or credentials of auth = negotiate, kerberos or ntlm",
                       errors);
    }
}

/* The address is not repeated: a password may stand in it. */
static void check_url(const struct kms_conf_node *block, const struct kms_target *host,
                      const struct kms_source_config *source, struct kms_conf_errors *errors)
{
    struct kms_wsman_url url;
    struct kms_fault fault = {0};
    enum kms_status status = kms_wsman_url_make(source->url, host->name ? host->name : "",
                                                host->address, &url, &fault);
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
    } else if (status != KMS_OK && source->url) {
        kms_bind_wrong(block, "url", "***", fault.text, errors);
    } else if (status != KMS_OK) {
        kms_conf_error(errors, block->file, block->line,
                       "wsman: no url can be made of the host's name; allowed: url = "
                       "\"https://HOST:5986/wsman\"");
    } else {
        if (!url.tls) {
            check_without_tls(block, source, errors);
        }
        kms_wsman_url_done(&url);
    }
}

static void check_values(const struct kms_conf_node *block, const struct kms_target *host,
                         const struct kms_source_config *source, struct kms_conf_errors *errors)
{
    check_url(block, host, source, errors);
    kms_site_check_ca_file(block, source->ca_file, errors);
    if (source->pin && !is_pin(source->pin)) {
        kms_bind_wrong(block, "pin", source->pin,
                       "is no SHA-256; allowed: 64 hexadecimal digits, without colons", errors);
    }
    if (source->service &&
        (!kms_site_is_word(source->service, SERVICE_MAX_LEN) || strpbrk(source->service, "/@"))) {
        kms_bind_wrong(block, "service", source->service,
                       "is no service; allowed: a word of at most 32 letters, such as HTTP or "
                       "WSMAN",
                       errors);
    }
    if (source->max_age_ms > 0 && source->max_age_ms < source->interval_ms) {
        char age[32];
        kms_text_duration(age, sizeof age, source->max_age_ms);
        kms_bind_wrong(block, "max-age", age,
                       "is less than interval, so that data would be stale between two polls; "
                       "allowed: interval or more, or 0",
                       errors);
    }
}

void kms_site_read_wsman(const struct kms_conf_node *block, const struct kms_site *site,
                         struct kms_target *host, struct kms_conf_errors *errors)
{
    struct wsman_values values = {.source = {.enabled = true}};
    if (kms_opts_preset(rows, &values) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        kms_opts_free_values(rows, &values);
        return;
    }
    kms_bind_apply(&in_wsman, block, &values, errors);
    struct kms_source_config *source = &values.source;
    int64_t fresh_ms = INTERVALS_FRESH * source->interval_ms;
    if (!values.max_age_given && fresh_ms > source->max_age_ms) {
        source->max_age_ms = fresh_ms;
    }
    take_credentials(block, site, values.credentials, source, errors);
    check_values(block, host, source, errors);
    free(values.credentials);
    host->source[KMS_SOURCE_WSMAN] = *source;
}

/* ---- printing ---- */

static enum kms_status print_one(const struct kms_credentials *credentials, struct kms_buf *buf)
{
    const struct kms_bind *bind = kms_credentials_bind();
    enum kms_status status = kms_buf_add_str(buf, "\ncredentials ");
    if (status == KMS_OK) {
        status = kms_conf_quote(buf, credentials->name);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, " {\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_rows(bind->opts, bind->section, credentials, "    ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_print_credentials(const struct kms_site *site, struct kms_buf *buf)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < site->credentials_count && status == KMS_OK; i++) {
        status = print_one(&site->credentials[i], buf);
    }
    return status;
}

enum kms_status kms_site_print_wsman(const struct kms_source_config *source, struct kms_buf *buf)
{
    if (!source->enabled) {
        return KMS_OK;
    }
    const struct wsman_values values = {
        .source = *source, .credentials = source->credentials ? source->credentials->name : NULL};
    enum kms_status status = kms_buf_add_str(buf, "    wsman {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(rows, "host.wsman", &values, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_wsman_keys(struct kms_buf *buf)
{
    enum kms_status status = kms_site_list_keys(&in_wsman, buf);
    return status == KMS_OK ? kms_site_list_keys(kms_credentials_bind(), buf) : status;
}
