/* Reads and prints the blocks dns, at the top and in a host. */
#include "agent/site_dns.h"

#include <stdlib.h>

#include "base/bind.h"
#include "agent/site_check.h"
#include "agent/site_print.h"
#include "base/text.h"
#include "model/zone.h"

#define ROW(in, name, kind, type_of, member)                                                    \
    .section = (in), .key = (name), .type = (kind), .offset = offsetof(struct type_of, member), \
    .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt dns_rows[] = {
    {ROW("dns", "servers", KMS_OPT_TEXT, kms_site_dns, servers), .arg = "LIST",
     .help = "DNS servers, with ports where they are not 53; default: the system's"},
    {ROW("dns", "interval", KMS_OPT_DURATION, kms_site_dns, interval_ms), .min = 1000,
     .max = INT64_C(86400000), .arg = "TIME",
     .help = "time between two lookups of a domain; default: the top's interval"},
    {ROW("dns", "timeout", KMS_OPT_DURATION, kms_site_dns, timeout_ms), .min = 100,
     .max = INT64_C(600000), .preset = "10s", .arg = "TIME",
     .help = "longest time that one lookup may take"},
    {ROW("dns", "forget-after", KMS_OPT_DURATION, kms_site_dns, forget_after_ms), .min = 1000,
     .max = INT64_C(3650) * 86400000, .preset = "7d", .arg = "TIME",
     .help = "records and discovered hosts that DNS names no more are shown that long"},
    {ROW("dns", "discovered-max", KMS_OPT_UINT, kms_site_dns, discovered_max), .min = 0,
     .max = 20000, .preset = "512", .arg = "N",
     .help = "hosts that are discovered at most; forged records must not fill the machine"},
    {ROW("dns", "probe-records", KMS_OPT_FLAG, kms_site_dns, probe_records), .preset = "yes",
     .help = "a bind shows whether what a record leads to is alive, also when it is no watched "
             "host"},
    {ROW("dns", "all-authoritative", KMS_OPT_FLAG, kms_site_dns, all_authoritative),
     .preset = "yes",
     .help = "ask the servers of each domain's zone as well, and tell when they disagree"},
    {ROW("dns", "authoritative", KMS_OPT_TEXT, kms_site_dns, authoritative), .arg = "LIST",
     .help = "servers of the zones, with ports where they are not 53; default: those of the NS "
             "records"},
    KMS_OPT_END,
};

static const struct kms_opt domain_rows[] = {
    {ROW("dns.domain", "want-hosts", KMS_OPT_UINT, kms_site_domain, want_hosts), .min = 0,
     .max = 1000, .preset = "1", .arg = "N",
     .help = "healthy hosts that must be published in the domain"},
    {ROW("dns.domain", "expect", KMS_OPT_TEXTS, kms_site_domain, expect), .arg = "LIST",
     .help = "all hosts that may be published there, with ports where they are not 1688; another "
             "one that answers is a rogue"},
    KMS_OPT_END,
};

static const struct kms_bind_block dns_blocks[] = {
    {.name = "domain", .usage = "domain \"NAME\" { ... }", .titled = true, .repeated = true},
    {0},
};

static const struct kms_opt published_rows[] = {
    {ROW("host.dns", "publish-in", KMS_OPT_TEXTS, kms_target, publish_in), .arg = "LIST",
     .help = "domains that must publish the host, beside its own"},
    KMS_OPT_END,
};

static const struct kms_bind in_dns = {dns_rows, "dns", dns_blocks};
static const struct kms_bind in_domain = {domain_rows, "dns.domain", NULL};
static const struct kms_bind in_published = {published_rows, "host.dns", NULL};

static void check_expect(const struct kms_conf_node *block, const struct kms_texts *expect,
                         struct kms_conf_errors *errors)
{
    struct kms_zone_expected ignored;
    for (size_t i = 0; i < expect->count; i++) {
        if (!kms_zone_expected_parse(expect->text[i], &ignored)) {
            kms_bind_wrong(
                block, "expect", expect->text[i],
                "is not a host; allowed: the name of a record's target in ASCII (xn--...), "
                "with a port behind ':' where it is not 1688",
                errors);
        }
    }
}

/* The title becomes a list for as long as it is checked. */
static void check_domain_name(const struct kms_conf_node *block, const struct kms_site_dns *dns,
                              char *name, struct kms_conf_errors *errors)
{
    struct kms_texts names = {.text = (char *[]){name}, .count = 1};
    kms_site_check_domains(block, "domain", &names, errors);
    for (size_t i = 0; i + 1 < dns->domain_count; i++) {
        if (kms_text_equal_nocase(dns->domain[i].name, name)) {
            kms_bind_wrong(block, "domain", name,
                           "is there a second time; allowed: one block a domain", errors);
            return;
        }
    }
}

static void read_domain(const struct kms_conf_node *block, struct kms_site_dns *dns,
                        struct kms_conf_errors *errors)
{
    struct kms_site_domain *domain = &dns->domain[dns->domain_count];
    domain->name = kms_text_dup(block->title ? block->title : "");
    if (!domain->name || kms_opts_preset(domain_rows, domain) != KMS_OK) {
        free(domain->name);
        kms_conf_out_of_memory(errors);
        return;
    }
    dns->domain_count++;
    kms_bind_apply(&in_domain, block, domain, errors);
    if (block->title) {
        check_domain_name(block, dns, domain->name, errors);
    }
    check_expect(block, &domain->expect, errors);
}

static void read_domains(const struct kms_conf_node *block, struct kms_site_dns *dns,
                         struct kms_conf_errors *errors)
{
    size_t count = 0;
    const struct kms_conf_node *at = kms_bind_find(block->child, "domain");
    for (; at; at = kms_bind_find(at->next, "domain")) {
        count++;
    }
    if (count == 0) {
        return;
    }
    dns->domain = calloc(count, sizeof *dns->domain);
    if (!dns->domain) {
        kms_conf_out_of_memory(errors);
        return;
    }
    at = kms_bind_find(block->child, "domain");
    for (; at; at = kms_bind_find(at->next, "domain")) {
        read_domain(at, dns, errors);
    }
}

void kms_site_read_dns(const struct kms_conf_node *block, struct kms_site_dns *dns,
                       struct kms_conf_errors *errors)
{
    if (kms_opts_preset(dns_rows, dns) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    if (block) {
        kms_bind_apply(&in_dns, block, dns, errors);
        kms_site_check_servers(block, "servers", dns->servers, errors);
        kms_site_check_servers(block, "authoritative", dns->authoritative, errors);
        read_domains(block, dns, errors);
    }
}

void kms_site_read_published(const struct kms_conf_node *block, const struct kms_site_dns *dns,
                             struct kms_target *host, struct kms_conf_errors *errors)
{
    struct kms_source_config *source = &host->source[KMS_SOURCE_DNS];
    source->enabled = true;
    source->interval_ms = dns->interval_ms;
    source->timeout_ms = dns->timeout_ms;
    kms_bind_apply(&in_published, block, host, errors);
    kms_site_check_domains(block, "publish-in", &host->publish_in, errors);
    if (host->name && !kms_target_domain(host) && !kms_bind_is_set(block, "publish-in")) {
        kms_conf_error(errors, block->file, block->line,
                       "dns: '%.255s' has no domain of its own to be published in; add publish-in "
                       "= \"DOMAIN\", or address = \"NAME.DOMAIN\" to the host",
                       kms_target_address(host));
    }
}

void kms_site_dns_done(struct kms_site_dns *dns)
{
    kms_opts_free_values(dns_rows, dns);
    for (size_t i = 0; i < dns->domain_count; i++) {
        free(dns->domain[i].name);
        kms_opts_free_values(domain_rows, &dns->domain[i]);
    }
    free(dns->domain);
    dns->domain = NULL;
    dns->domain_count = 0;
}

static enum kms_status print_domain(const struct kms_site_domain *domain, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "    domain ");
    if (status == KMS_OK) {
        status = kms_conf_quote(buf, domain->name);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, " {\n");
    }
    if (status == KMS_OK) {
        status = kms_site_print_rows(domain_rows, "dns.domain", domain, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_print_dns(const struct kms_site_dns *dns, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "\ndns {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(dns_rows, "dns", dns, "    ", buf);
    }
    for (size_t i = 0; status == KMS_OK && i < dns->domain_count; i++) {
        status = print_domain(&dns->domain[i], buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_print_published(const struct kms_target *host, struct kms_buf *buf)
{
    if (!host->source[KMS_SOURCE_DNS].enabled) {
        return KMS_OK;
    }
    enum kms_status status = kms_buf_add_str(buf, "    dns {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(published_rows, "host.dns", host, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_dns_keys(struct kms_buf *buf)
{
    enum kms_status status = kms_site_list_keys(&in_published, buf);
    if (status == KMS_OK) {
        status = kms_site_list_keys(&in_dns, buf);
    }
    return status == KMS_OK ? kms_site_list_keys(&in_domain, buf) : status;
}
