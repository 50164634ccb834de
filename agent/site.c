/* Builds the site from the configuration tree, and prints it back. */
#include "agent/site.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bind.h"
#include "agent/site_activation.h"
#include "agent/site_alarms.h"
#include "agent/site_check.h"
#include "agent/site_defaults.h"
#include "agent/site_control.h"
#include "agent/site_dns.h"
#include "agent/site_print.h"
#include "agent/site_snmp.h"
#include "agent/site_store.h"
#include "agent/site_wsman.h"
#include "base/log.h"
#include "base/text.h"
#include "model/credentials_conf.h"
#include "report/place.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)

/* A host block before it becomes a target. */
struct host_values {
    char *address;
    int64_t port; /* 0: not given */
    uint64_t classes;
};

static const struct kms_opt_choice log_levels[] = {
    {"error", KMS_LOG_ERROR},
    {"warning", KMS_LOG_WARNING},
    {"info", KMS_LOG_INFO},
    {"debug", KMS_LOG_DEBUG},
    {0},
};

static const struct kms_opt_choice classes[] = {
    {"client", KMS_CLASS_CLIENT},
    {"server", KMS_CLASS_SERVER},
    {"office2010", KMS_CLASS_OFFICE2010},
    {"office", KMS_CLASS_OFFICE},
    {0},
};

#define ROW(in, name, kind, type_of, member)                                                    \
    .section = (in), .key = (name), .type = (kind), .offset = offsetof(struct type_of, member), \
    .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt site_rows[] = {
    {ROW("", "agentx", KMS_OPT_TEXT, kms_site, agentx), .preset = "unix:/var/agentx/master",
     .arg = "ADDRESS", .help = "where snmpd listens for subagents"},
    {ROW("", "ping-interval", KMS_OPT_DURATION, kms_site, ping_ms), .min = 2 * SECOND_MS,
     .max = 5 * SECOND_MS, .preset = "3s", .arg = "TIME",
     .help = "how often snmpd is asked for a sign of life"},
    {ROW("", "interval", KMS_OPT_DURATION, kms_site, interval_ms), .min = SECOND_MS, .max = DAY_MS,
     .preset = "60s", .arg = "TIME", .help = "time between two polls of a source"},
    {ROW("", "back-off-max", KMS_OPT_UINT, kms_site, back_off_max), .min = 1, .max = 60,
     .preset = "5", .arg = "NUMBER",
     .help = "intervals between two polls of a source that says nothing, at most"},
    {ROW("", "state-dir", KMS_OPT_TEXT, kms_site, state_dir), .preset = "/var/lib/kmsmon",
     .arg = "DIR",
     .help = "where the stable SNMP indexes are kept, and what limits activation requests"},
    {ROW("", "user", KMS_OPT_TEXT, kms_site, user), .arg = "NAME",
     .help = "started as root, kmsmond becomes this user for good, once its ports are open"},
    {ROW("", "group", KMS_OPT_TEXT, kms_site, group), .arg = "NAME",
     .help = "and this group; default: that of the user"},
    {ROW("", "log-level", KMS_OPT_CHOICE, kms_site, log_level), .preset = "info",
     .choices = log_levels, .arg = "WORD", .help = "least important messages that are logged"},
    {ROW("", "discover", KMS_OPT_TEXTS, kms_site, discover), .arg = "LIST",
     .help = "domains whose published hosts are watched; default: without a host block those the "
             "machine searches"},
    {ROW("", "products", KMS_OPT_TEXT, kms_site, products_file), .arg = "FILE",
     .help = "CSV file of products that activation may ask for beside those that are known"},
    KMS_OPT_END,
};

static const struct kms_opt host_rows[] = {
    {ROW("host", "address", KMS_OPT_TEXT, host_values, address), .arg = "ADDRESS",
     .help = "name or IP address; default: the block's name"},
    {ROW("host", "port", KMS_OPT_PORT, host_values, port), .arg = "N",
     .help = "port that clients use; default: 1688"},
    {ROW("host", "classes", KMS_OPT_SET, host_values, classes), .choices = classes, .arg = "LIST",
     .help = "what the site relies on here"},
    KMS_OPT_END,
};

static const struct kms_opt defaults_rows[] = {
    {ROW("defaults", "port", KMS_OPT_PORT, host_values, port), .arg = "N",
     .help = "port that clients use, of hosts that name none"},
    {ROW("defaults", "classes", KMS_OPT_SET, host_values, classes), .choices = classes,
     .arg = "LIST", .help = "what the site relies on at hosts that name nothing"},
    KMS_OPT_END,
};

static const struct kms_opt report_rows[] = {
    {ROW("host.report", "url", KMS_OPT_TEXT, kms_source_config, url), .arg = "PATH|URL",
     .help = "where slmgr's output lies; required"},
    {ROW("host.report", "max-age", KMS_OPT_DURATION, kms_source_config, max_age_ms), .min = 0,
     .max = 3650 * DAY_MS, .preset = "26h", .arg = "TIME",
     .help = "older data is stale and no longer judged; 0: no limit"},
    {ROW("host.report", "interval", KMS_OPT_DURATION, kms_source_config, interval_ms),
     .min = SECOND_MS, .max = DAY_MS, .arg = "TIME",
     .help = "time between two reads; default: the top's interval"},
    {ROW("host.report", "timeout", KMS_OPT_DURATION, kms_source_config, timeout_ms), .min = 100,
     .max = 10 * MINUTE_MS, .preset = "10s", .arg = "TIME",
     .help = "longest time that one read may take"},
    {ROW("host.report", "max-size", KMS_OPT_BYTES, kms_source_config, size_max), .min = 1024,
     .max = INT64_C(256) << 20, .preset = "8M", .arg = "SIZE",
     .help = "larger reports are refused"},
    {ROW("host.report", "ca-file", KMS_OPT_TEXT, kms_source_config, ca_file), .arg = "FILE",
     .help = "PEM file that an https server is checked against"},
    KMS_OPT_END,
};

static const struct kms_opt rpc_rows[] = {
    {ROW("host.rpc", "port", KMS_OPT_PORT, kms_source_config, port), .arg = "N",
     .help = "port to bind to; default: the host's port"},
    {ROW("host.rpc", "interval", KMS_OPT_DURATION, kms_source_config, interval_ms),
     .min = SECOND_MS, .max = DAY_MS, .arg = "TIME",
     .help = "time between two binds; default: the top's interval"},
    {ROW("host.rpc", "timeout", KMS_OPT_DURATION, kms_source_config, timeout_ms), .min = 100,
     .max = 10 * MINUTE_MS, .preset = "10s", .arg = "TIME",
     .help = "the port must have answered after this long"},
    {ROW("host.rpc", "ndr64", KMS_OPT_FLAG, kms_source_config, ndr64), .preset = "no",
     .help = "a second bind shows whether the host takes NDR64, as a genuine one of this age does"},
    KMS_OPT_END,
};

static const struct kms_bind_block site_blocks[] = {
    {.name = "host", .usage = "host \"NAME\" { ... }", .titled = true, .repeated = true},
    {.name = "defaults", .usage = "defaults { ... }"},
    {.name = "judgement", .usage = "judgement { ... }"},
    {.name = "dns", .usage = "dns { ... }"},
    {.name = "snmp", .usage = "snmp { ... }"},
    {.name = "alarms", .usage = "alarms { ... }"},
    {.name = "control", .usage = "control { ... }"},
    {.name = "store", .usage = "store { ... }"},
    {.name = "credentials", .usage = KMS_CREDENTIALS_USAGE, .titled = true, .repeated = true},
    {0},
};

static const struct kms_bind_block host_blocks[] = {
    {.name = "report", .usage = "report { url = \"PATH or URL\" }"},
    {.name = "rpc", .usage = "rpc { }"},
    {.name = "activation", .usage = "activation { }"},
    {.name = "wsman", .usage = "wsman { credentials = \"NAME\" }"},
    {.name = "dns", .usage = "dns { }"},
    {0},
};

static const struct kms_bind top = {site_rows, "", site_blocks};
static const struct kms_bind in_host = {host_rows, "host", host_blocks};
static const struct kms_bind in_defaults = {defaults_rows, "defaults", host_blocks};
static const struct kms_bind in_report = {report_rows, "host.report", NULL};
static const struct kms_bind in_rpc = {rpc_rows, "host.rpc", NULL};

static struct kms_bind in_judgement(void)
{
    return (struct kms_bind){kms_policy_opts(), "judgement", NULL};
}

static void read_report(const struct kms_conf_node *block, struct kms_source_config *source,
                        struct kms_conf_errors *errors)
{
    source->enabled = true;
    if (kms_opts_preset(report_rows, source) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    kms_bind_apply(&in_report, block, source, errors);
    kms_site_check_url(block, source->url, errors);
    kms_site_check_ca_file(block, source->ca_file, errors);
}

static void read_rpc(const struct kms_conf_node *block, struct kms_source_config *source,
                     struct kms_conf_errors *errors)
{
    source->enabled = true;
    if (kms_opts_preset(rpc_rows, source) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    kms_bind_apply(&in_rpc, block, source, errors);
}

/* The sources that have a block; dns and wsman need the name and the address. False: there is none.
 */
static bool read_sources(const struct kms_conf_node *block, const struct kms_site *site,
                         struct kms_target *host, struct kms_conf_errors *errors)
{
    const struct kms_conf_node *report = kms_bind_find(block->child, "report");
    const struct kms_conf_node *rpc = kms_bind_find(block->child, "rpc");
    const struct kms_conf_node *activation = kms_bind_find(block->child, "activation");
    const struct kms_conf_node *wsman = kms_bind_find(block->child, "wsman");
    const struct kms_conf_node *published = kms_bind_find(block->child, "dns");
    if (report) {
        read_report(report, &host->source[KMS_SOURCE_REPORT], errors);
    }
    if (rpc) {
        read_rpc(rpc, &host->source[KMS_SOURCE_RPC], errors);
    }
    if (activation) {
        kms_site_read_activation(activation, &site->products, &host->source[KMS_SOURCE_ACTIVATION],
                                 errors);
    }
    if (wsman) {
        kms_site_read_wsman(wsman, site, host, errors);
    }
    if (published) {
        kms_site_read_published(published, &site->dns, host, errors);
    }
    return report || rpc || activation || wsman || published;
}

static void read_host(const struct kms_conf_node *block, const struct kms_site *site,
                      struct kms_target *host, struct kms_conf_errors *errors)
{
    kms_site_check_host_name(block, errors);
    struct host_values values = {0};
    kms_bind_apply(&in_host, block, &values, errors);
    kms_site_check_address(block, values.address, errors);
    host->name = kms_text_dup(block->title ? block->title : "");
    if (!host->name) {
        kms_conf_out_of_memory(errors);
    }
    host->address = values.address;
    host->port_given = values.port != 0;
    host->port = host->port_given ? values.port : KMS_DEFAULT_PORT;
    host->classes = (uint32_t)values.classes;
    host->origin = KMS_ORIGIN_CONFIGURED;
    if (!read_sources(block, site, host, errors)) {
        kms_conf_error(
            errors, block->file, block->line,
            "host '%.255s' has no source; add report { url = \"PATH or URL\" }, rpc { }, "
            "activation { }, wsman { credentials = \"NAME\" } or dns { }",
            host->name ? host->name : "");
    }
}

/* A host block in its place, for finding names that are there twice. */
struct named {
    const struct kms_conf_node *block;
    size_t order;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    int by_name = strcasecmp(x->block->title, y->block->title);
    if (by_name != 0) {
        return by_name;
    }
    return x->order < y->order ? -1 : 1;
}

static void check_repeated_hosts(const struct kms_conf_node *root, size_t count,
                                 struct kms_conf_errors *errors)
{
    struct named *all = calloc(count + 1, sizeof *all);
    if (!all) {
        kms_conf_out_of_memory(errors);
        return;
    }
    size_t found = 0;
    const struct kms_conf_node *block = kms_bind_find(root->child, "host");
    for (size_t i = 0; block; i++, block = kms_bind_find(block->next, "host")) {
        if (block->title) {
            all[found++] = (struct named){block, i};
        }
    }
    qsort(all, found, sizeof *all, compare_named);
    const struct kms_conf_node *first = NULL;
    for (size_t i = 0; i < found; i++) {
        block = all[i].block;
        if (first && strcasecmp(first->title, block->title) == 0) {
            kms_conf_error(errors, block->file, block->line,
                           "host '%.255s' is there a second time; the first is at %.200s:%u; "
                           "allowed: one block a host",
                           block->title, first->file, first->line);
        } else {
            first = block;
        }
    }
    free(all);
}

/* What is wrong in a block of a source is said when a host has the source. */
static const struct kms_conf_node *find_defaults(const struct kms_conf_node *root,
                                                 struct kms_conf_errors *errors)
{
    struct host_values ignored = {0};
    const struct kms_conf_node *block = kms_bind_find(root->child, "defaults");
    if (block) {
        kms_bind_apply(&in_defaults, block, &ignored, errors);
    }
    return block;
}

static void read_next_host(const struct kms_conf_node *block, const struct kms_conf_node *defaults,
                           struct kms_site *site, struct kms_conf_errors *errors)
{
    struct kms_conf_node *whole = kms_site_with_defaults(block, defaults);
    if (!whole) {
        kms_conf_out_of_memory(errors);
        return;
    }
    read_host(whole, site, &site->host[site->host_count++], errors);
    free(whole);
}

static void read_hosts(const struct kms_conf_node *root, struct kms_site *site,
                       struct kms_conf_errors *errors)
{
    const struct kms_conf_node *defaults = find_defaults(root, errors);
    size_t count = 0;
    const struct kms_conf_node *block = kms_bind_find(root->child, "host");
    for (; block; block = kms_bind_find(block->next, "host")) {
        count++;
    }
    if (count == 0) {
        return;
    }
    site->host = calloc(count, sizeof *site->host);
    if (!site->host) {
        kms_conf_out_of_memory(errors);
        return;
    }
    block = kms_bind_find(root->child, "host");
    for (; block; block = kms_bind_find(block->next, "host")) {
        read_next_host(block, defaults, site, errors);
    }
    check_repeated_hosts(root, count, errors);
}

static void read_site(const struct kms_conf_node *root, struct kms_site *site,
                      struct kms_conf_errors *errors)
{
    kms_policy_preset(&site->policy);
    if (kms_opts_preset(site_rows, site) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    kms_bind_apply(&top, root, site, errors);
    kms_site_check_agentx(root, site->agentx, errors);
    kms_site_check_path(root, "state-dir", site->state_dir, errors);
    const struct kms_conf_node *judgement = kms_bind_find(root->child, "judgement");
    if (judgement) {
        struct kms_bind bind = in_judgement();
        size_t before = errors->count;
        kms_bind_apply(&bind, judgement, &site->policy, errors);
        if (errors->count == before) { /* a default must not look like the wrong one of two */
            kms_site_check_policy(judgement, &site->policy, errors);
        }
    }
    kms_site_check_domains(root, "discover", &site->discover, errors);
    kms_site_read_dns(kms_bind_find(root->child, "dns"), &site->dns, errors);
    kms_site_read_snmp(kms_bind_find(root->child, "snmp"), &site->snmp, errors);
    kms_site_read_control(kms_bind_find(root->child, "control"), &site->control, errors);
    kms_site_read_store(kms_bind_find(root->child, "store"), &site->store, errors);
    kms_site_read_alarms(kms_bind_find(root->child, "alarms"), &site->alarms, errors);
    kms_site_read_products(root, site->products_file, &site->products, errors);
    kms_site_read_credentials(root, site, errors);
    read_hosts(root, site, errors);
    site->discover_search = site->host_count == 0 && site->discover.count == 0;
}

static enum kms_status build(const struct kms_conf_node *root, struct kms_site *ret_site,
                             struct kms_conf_errors *errors)
{
    struct kms_site site = {0};
    read_site(root, &site, errors);
    if (errors->status != KMS_OK) {
        kms_site_free(&site);
        return errors->status;
    }
    *ret_site = site;
    return KMS_OK;
}

/* Memory is all that can be missing. */
enum kms_status kms_site_preset(struct kms_site *ret_site)
{
    const struct kms_conf_node empty = {.file = "", .block = true};
    struct kms_buf text;
    kms_buf_init(&text, 4096);
    struct kms_conf_errors errors;
    kms_conf_errors_init(&errors, &text);
    enum kms_status status = build(&empty, ret_site, &errors);
    kms_buf_done(&text);
    return status;
}

enum kms_status kms_site_build(const struct kms_conf *conf, struct kms_site *ret_site,
                               struct kms_conf_errors *errors)
{
    return build(kms_conf_root(conf), ret_site, errors);
}

enum kms_status kms_site_load(const char *path, struct kms_site *ret_site, struct kms_buf *errors)
{
    struct kms_conf_errors collected;
    kms_conf_errors_init(&collected, errors);
    struct kms_conf *conf = kms_conf_load(path, &collected);
    if (conf) {
        (void)kms_site_build(conf, ret_site, &collected);
    }
    kms_conf_errors_end(&collected);
    kms_conf_free(conf);
    return collected.status;
}

void kms_site_forget_hosts(struct kms_site *site)
{
    for (size_t i = 0; site->host && i < site->host_count; i++) {
        kms_target_done(&site->host[i]);
    }
    free(site->host);
    site->host = NULL;
}

void kms_site_free(struct kms_site *site)
{
    if (!site) {
        return;
    }
    kms_site_forget_hosts(site);
    kms_products_done(&site->products);
    kms_opts_free_values(site_rows, site);
    kms_site_dns_done(&site->dns);
    kms_site_snmp_done(&site->snmp);
    kms_site_control_done(&site->control);
    kms_site_credentials_done(site);
    *site = (struct kms_site){0};
}

static enum kms_status print_source(const struct kms_bind *bind, const char *name,
                                    const struct kms_source_config *source, struct kms_buf *buf)
{
    if (!source->enabled) {
        return KMS_OK;
    }
    struct kms_buf url;
    kms_buf_init(&url, KMS_CONF_TEXT_MAX + 16);
    bool hidden = false;
    enum kms_status status = kms_buf_addf(buf, "    %s {\n", name);
    if (status == KMS_OK && source->url) {
        status = kms_place_hide_password(source->url, &url, &hidden);
    }
    if (status == KMS_OK && hidden) {
        status = kms_buf_add_str(buf, "        # the password of this address is not shown\n");
    }
    if (status == KMS_OK) {
        struct kms_source_config shown = *source;
        shown.url = hidden ? url.data : source->url;
        status = kms_site_print_rows(bind->opts, bind->section, &shown, "        ", buf);
    }
    kms_buf_done(&url);
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

static enum kms_status print_host(const struct kms_target *host, struct kms_buf *buf)
{
    const struct host_values values = {.address = host->address,
                                       .port = host->port_given ? host->port : 0,
                                       .classes = host->classes};
    enum kms_status status = kms_buf_add_str(buf, "\nhost ");
    if (status == KMS_OK) {
        status = kms_conf_quote(buf, host->name);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, " {\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_rows(host_rows, "host", &values, "    ", buf);
    }
    if (status == KMS_OK) {
        status = print_source(&in_report, "report", &host->source[KMS_SOURCE_REPORT], buf);
    }
    if (status == KMS_OK) {
        status = print_source(&in_rpc, "rpc", &host->source[KMS_SOURCE_RPC], buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_activation(&host->source[KMS_SOURCE_ACTIVATION], buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_wsman(&host->source[KMS_SOURCE_WSMAN], buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_published(host, buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_print(const struct kms_site *site, struct kms_buf *buf)
{
    enum kms_status status = kms_site_print_rows(site_rows, "", site, "", buf);
    if (status == KMS_OK && site->discover_search) {
        status = kms_buf_add_str(buf, "# no host and no discover: the machine's search domains\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_dns(&site->dns, buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_snmp(&site->snmp, buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_control(&site->control, buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_store(&site->store, buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_alarms(&site->alarms, buf);
    }
    if (status == KMS_OK) {
        status = kms_site_print_credentials(site, buf);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, "\njudgement {\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_rows(kms_policy_opts(), "judgement", &site->policy, "    ", buf);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, "}\n");
    }
    for (size_t i = 0; i < site->host_count && status == KMS_OK; i++) {
        status = print_host(&site->host[i], buf);
    }
    return status;
}

enum kms_status kms_site_keys(struct kms_buf *buf)
{
    const struct kms_bind judgement = in_judgement();
    const struct kms_bind *const all[] = {&top,       &in_host, &in_defaults,
                                          &in_report, &in_rpc,  &judgement};
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < KMS_COUNT_OF(all) && status == KMS_OK; i++) {
        status = kms_site_list_keys(all[i], buf);
    }
    if (status == KMS_OK) {
        status = kms_site_activation_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_wsman_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_dns_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_snmp_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_alarms_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_control_keys(buf);
    }
    if (status == KMS_OK) {
        status = kms_site_store_keys(buf);
    }
    return status;
}
