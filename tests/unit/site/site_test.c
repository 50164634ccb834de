/* The site out of its configuration: values and defaults, printing and reading back, and every kind
 * of error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/site.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

static enum kms_status build(const char *text, struct kms_site *ret_site, struct kms_buf *errors)
{
    kms_buf_init(errors, 65536);
    struct kms_conf_errors collected;
    kms_conf_errors_init(&collected, errors);
    struct kms_conf *conf = kms_conf_parse("t.conf", text, strlen(text), NULL, &collected);
    assert_non_null(conf);
    enum kms_status status = kms_site_build(conf, ret_site, &collected);
    kms_conf_errors_end(&collected);
    kms_conf_free(conf);
    return status;
}

static void expect_good(const char *text, struct kms_site *ret_site)
{
    struct kms_buf errors;
    enum kms_status status = build(text, ret_site, &errors);
    assert_string_equal(kms_buf_str(&errors), "");
    assert_int_equal(status, KMS_OK);
    kms_buf_done(&errors);
}

static void expect_errors(const char *text, const char *wanted)
{
    struct kms_site site;
    struct kms_buf errors;
    assert_int_equal(build(text, &site, &errors), KMS_EINVAL);
    assert_string_equal(kms_buf_str(&errors), wanted);
    kms_buf_done(&errors);
}

#define GOOD_HOST "host h { report { url = /r } }\n"

static void the_smallest_configuration_has_all_defaults(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(GOOD_HOST, &site);
    assert_string_equal(site.agentx, "unix:/var/agentx/master");
    assert_int_equal(site.ping_ms, 3000);
    assert_int_equal(site.interval_ms, 60000);
    assert_int_equal(site.back_off_max, 5);
    assert_string_equal(site.state_dir, "/var/lib/kmsmon");
    assert_null(site.user);
    assert_int_equal(site.log_level, KMS_LOG_INFO);
    assert_int_equal(site.policy.required[KMS_CLASS_CLIENT], 25);
    assert_int_equal(site.policy.required[KMS_CLASS_SERVER], 5);
    assert_int_equal(site.host_count, 1);
    const struct kms_target *host = &site.host[0];
    assert_string_equal(host->name, "h");
    assert_null(host->address);
    assert_int_equal(host->port, 1688);
    assert_false(host->port_given);
    assert_int_equal(host->classes, 0);
    assert_int_equal(host->origin, KMS_ORIGIN_CONFIGURED);
    const struct kms_source_config *report = &host->source[KMS_SOURCE_REPORT];
    assert_true(report->enabled);
    assert_string_equal(report->url, "/r");
    assert_int_equal(report->max_age_ms, INT64_C(26) * 3600000);
    assert_int_equal(report->interval_ms, 0);
    assert_int_equal(report->timeout_ms, 10000);
    assert_int_equal(report->size_max, 8 << 20);
    assert_null(report->ca_file);
    kms_site_free(&site);
}

static const char full[] =
    "agentx \"unix:/run/agentx/master\"\nping-interval 2500ms interval 5m\n"
    "back-off-max 9\n"
    "state-dir /srv/kmsmon user kmsmon group adm log-level debug\n"
    "judgement { client-threshold = 30 requests-window = 2h }\n"
    "host \"kms01.corp.example.com\" {\n"
    "  address 192.0.2.1 port 1689\n"
    "  classes = {\"server\", \"client\"}\n"
    "  report { url = \"https://intra/a \\\"b\\\".txt\" max-age 90m interval 10s timeout 1500ms\n"
    "           max-size 512K ca-file /etc/passwd }\n"
    "}\n"
    "host KMS02 { classes office report { url = file:///in/kms02.txt }\n"
    "  activation { product = \"Office 2019\" interval 1h timeout 5s } }\n";

#define GOOD_ALARMS                                         \
    "alarms { confirm 3 max-notifications-per-minute = 5\n" \
    "  alarm countLow { confirm = 7 }\n  alarm \"configDrift\" { enabled no } }\n"

static void alarms_have_rules_of_their_own(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(GOOD_ALARMS, &site);
    assert_int_equal(site.alarms.confirm, 3);
    assert_int_equal(site.alarms.per_minute, 5);
    assert_int_equal(site.alarms.type[KMS_ALARM_COUNT_LOW].confirm, 7);
    assert_true(site.alarms.type[KMS_ALARM_COUNT_LOW].enabled);
    assert_false(site.alarms.type[KMS_ALARM_DRIFT].enabled);
    assert_int_equal(site.alarms.type[KMS_ALARM_DRIFT].confirm, 0);
    kms_site_free(&site);
    expect_good(GOOD_HOST, &site);
    assert_int_equal(site.alarms.confirm, 2);
    assert_int_equal(site.alarms.per_minute, 60);
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        assert_true(site.alarms.type[i].enabled);
    }
    kms_site_free(&site);
}

static void wrong_alarms_are_told_with_what_is_allowed(void **state)
{
    (void)state;
    expect_errors(
        GOOD_HOST "alarms { confirm 0 max-notifications-per-minute 10001\n"
                  "  alarm countlow { }\n  alarm countLow { }\n  alarm countLow { enable no } }\n",
        "t.conf:2: confirm: '0' is out of range; allowed: a whole number, 1 to 100\n"
        "t.conf:2: max-notifications-per-minute: '10001' is out of range; allowed: a whole number, "
        "1 to 10000\n"
        "t.conf:3: alarm: 'countlow' is not a type of alarm; allowed: hostUnreachable, countLow, "
        "keyNotLicensed, publicationLost, failedRequests, clockSkew, rogueRecord, suspiciousHost, "
        "dataStale, configDrift\n"
        "t.conf:5: alarm: 'countLow' is there a second time; allowed: one block a type\n");
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(full, &site);
    assert_string_equal(site.agentx, "unix:/run/agentx/master");
    assert_int_equal(site.ping_ms, 2500);
    assert_int_equal(site.interval_ms, 300000);
    assert_string_equal(site.state_dir, "/srv/kmsmon");
    assert_string_equal(site.user, "kmsmon");
    assert_string_equal(site.group, "adm");
    assert_int_equal(site.log_level, KMS_LOG_DEBUG);
    assert_int_equal(site.policy.required[KMS_CLASS_CLIENT], 30);
    assert_int_equal(site.policy.requests_window_ms, 7200000);
    assert_int_equal(site.host_count, 2);
    const struct kms_target *host = &site.host[0];
    assert_string_equal(host->address, "192.0.2.1");
    assert_int_equal(host->port, 1689);
    assert_true(host->port_given);
    assert_int_equal(host->classes,
                     KMS_CLASS_BIT(KMS_CLASS_CLIENT) | KMS_CLASS_BIT(KMS_CLASS_SERVER));
    const struct kms_source_config *report = &host->source[KMS_SOURCE_REPORT];
    assert_string_equal(report->url, "https://intra/a \"b\".txt");
    assert_int_equal(report->max_age_ms, 5400000);
    assert_int_equal(report->interval_ms, 10000);
    assert_int_equal(report->timeout_ms, 1500);
    assert_int_equal(report->size_max, 512 << 10);
    assert_string_equal(report->ca_file, "/etc/passwd");
    assert_int_equal(site.host[1].classes, KMS_CLASS_BIT(KMS_CLASS_OFFICE));
    kms_site_free(&site);
}

static void a_report_may_be_judged_whatever_its_age(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("host h { report { url /r max-age 0 } }", &site);
    assert_int_equal(site.host[0].source[KMS_SOURCE_REPORT].max_age_ms, 0);
    kms_site_free(&site);
}

static void assert_same_source(const struct kms_source_config *a, const struct kms_source_config *b)
{
    assert_int_equal(a->enabled, b->enabled);
    assert_true(kms_text_equal(a->url, b->url));
    assert_true(kms_text_equal(a->ca_file, b->ca_file));
    assert_true(kms_text_equal(a->product, b->product));
    assert_int_equal(a->interval_ms, b->interval_ms);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->max_age_ms, b->max_age_ms);
    assert_int_equal(a->size_max, b->size_max);
}

static void assert_same_site(const struct kms_site *a, const struct kms_site *b)
{
    assert_string_equal(a->agentx, b->agentx);
    assert_string_equal(a->state_dir, b->state_dir);
    assert_true(kms_text_equal(a->user, b->user));
    assert_true(kms_text_equal(a->group, b->group));
    assert_int_equal(a->ping_ms, b->ping_ms);
    assert_int_equal(a->interval_ms, b->interval_ms);
    assert_int_equal(a->back_off_max, b->back_off_max);
    assert_int_equal(a->log_level, b->log_level);
    assert_memory_equal(&a->policy, &b->policy, sizeof a->policy);
    assert_int_equal(a->alarms.confirm, b->alarms.confirm);
    assert_int_equal(a->alarms.per_minute, b->alarms.per_minute);
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        assert_int_equal(a->alarms.type[i].enabled, b->alarms.type[i].enabled);
        assert_int_equal(a->alarms.type[i].confirm, b->alarms.type[i].confirm);
    }
    assert_int_equal(a->host_count, b->host_count);
    for (size_t i = 0; i < a->host_count; i++) {
        const struct kms_target *x = &a->host[i];
        const struct kms_target *y = &b->host[i];
        assert_string_equal(x->name, y->name);
        assert_true(kms_text_equal(x->address, y->address));
        assert_int_equal(x->port, y->port);
        assert_int_equal(x->port_given, y->port_given);
        assert_int_equal(x->classes, y->classes);
        for (size_t source = 0; source <= KMS_SOURCE_MAX; source++) {
            assert_same_source(&x->source[source], &y->source[source]);
        }
    }
}

static void what_is_printed_reads_back_to_the_same_site(void **state)
{
    (void)state;
    static const char *const texts[] = {full, GOOD_HOST, "host h { report { url /r max-age 0 } }",
                                        GOOD_ALARMS};
    for (size_t i = 0; i < KMS_COUNT_OF(texts); i++) {
        struct kms_site site;
        struct kms_site again;
        struct kms_buf printed;
        kms_buf_init(&printed, 65536);
        expect_good(texts[i], &site);
        assert_int_equal(kms_site_print(&site, &printed), KMS_OK);
        expect_good(kms_buf_str(&printed), &again);
        assert_same_site(&site, &again);
        kms_site_free(&site);
        kms_site_free(&again);
        kms_buf_done(&printed);
    }
}

#define ALLOWED_AT_THE_TOP                                                                         \
    "agentx, ping-interval, interval, back-off-max, state-dir, user, group, log-level, discover, " \
    "products; "                                                                                   \
    "blocks: host, defaults, judgement, dns, snmp, alarms, control, store, credentials\n"

static void unknown_keys_and_blocks_list_the_allowed_ones_and_the_nearest(void **state)
{
    (void)state;
    expect_errors(
        "intervall 60s\nzzz = 1\n"
        "hosts x { }\n" GOOD_HOST "host b { prot 3 report { url /r maxage 1h } wsmn { } }\n",
        "t.conf:1: unknown key 'intervall', did you mean 'interval'?; allowed: " ALLOWED_AT_THE_TOP
        "t.conf:2: unknown key 'zzz'; allowed: " ALLOWED_AT_THE_TOP
        "t.conf:3: unknown block 'hosts', did you mean 'host'?; allowed: " ALLOWED_AT_THE_TOP
        "t.conf:5: unknown key 'prot', did you mean 'port'?; allowed: address, port, classes; "
        "blocks: report, rpc, activation, wsman, dns\n"
        "t.conf:5: unknown block 'wsmn', did you mean 'wsman'?; allowed: address, port, classes; "
        "blocks: report, rpc, activation, wsman, dns\n"
        "t.conf:5: unknown key 'maxage', did you mean 'max-age'?; allowed: url, max-age, interval, "
        "timeout, max-size, ca-file\n");
}

static void repeated_keys_blocks_and_hosts_name_the_first_place(void **state)
{
    (void)state;
    expect_errors(
        "interval 1m\n\ninterval 2m\n" GOOD_HOST
        "host b { report { url /r url /s } report { } }\nhost H { report { url /r } }\n"
        "judgement { }\njudgement { }\n",
        "t.conf:3: interval is there a second time; the first is at t.conf:1; allowed: one of "
        "them\n"
        "t.conf:8: block judgement is there a second time; the first is at t.conf:7; allowed: one "
        "of them\n"
        "t.conf:5: block report is there a second time; the first is at t.conf:5; allowed: one of "
        "them\n"
        "t.conf:5: url is there a second time; the first is at t.conf:5; allowed: one of them\n"
        "t.conf:6: host 'H' is there a second time; the first is at t.conf:4; allowed: one block "
        "a host\n");
}

static void wrong_values_say_what_is_allowed(void **state)
{
    (void)state;
    struct kms_site site;
    struct kms_buf errors;
    assert_int_equal(build("interval soon\nping-interval 1s\nlog-level loud\n"
                           "host h { port 0 classes = {server, klient} report { url = /r\n"
                           "max-size 1\n timeout = {1s} } }\njudgement { client-threshold = -1 }\n",
                           &site, &errors),
                     KMS_EINVAL);
    static const char *const wanted[] = {
        "t.conf:1: interval: 'soon' is not a duration; allowed: ",
        "t.conf:2: ping-interval: '1s' is out of range; allowed: a number with ms, s, m, h, d "
        "or w (without a unit seconds), 2s to 5s\n",
        "t.conf:3: log-level: 'loud' is unknown; allowed: one of error, warning, info, debug\n",
        "t.conf:4: port: '0' is out of range; allowed: a port number, 1 to 65535\n",
        "t.conf:4: classes: 'klient' is unknown; allowed: any of client, server, office2010, "
        "office\n",
        "t.conf:5: max-size: '1' is out of range; allowed: a size such as 512K or 8M, 1K to "
        "256M\n",
        "t.conf:6: timeout: one value, not a list; allowed: a number with ms, s, m",
        "t.conf:7: client-threshold: '-1' is ",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(wanted); i++) {
        if (!strstr(kms_buf_str(&errors), wanted[i])) {
            fail_msg("'%s' is not in:\n%s", wanted[i], kms_buf_str(&errors));
        }
    }
    kms_buf_done(&errors);
}

static void the_block_rpc_enables_the_source(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(
        "host a { port 1689 rpc { } }\n"
        "host b { report { url /r } rpc { port 1690 interval 30s timeout 2s ndr64 yes } }\n",
        &site);
    const struct kms_source_config *rpc = &site.host[0].source[KMS_SOURCE_RPC];
    assert_true(rpc->enabled);
    assert_false(site.host[0].source[KMS_SOURCE_REPORT].enabled);
    assert_int_equal(rpc->port, 0);
    assert_int_equal(rpc->interval_ms, 0);
    assert_int_equal(rpc->timeout_ms, 10000);
    assert_false(rpc->ndr64);
    rpc = &site.host[1].source[KMS_SOURCE_RPC];
    assert_true(site.host[1].source[KMS_SOURCE_REPORT].enabled);
    assert_int_equal(rpc->port, 1690);
    assert_int_equal(rpc->interval_ms, 30000);
    assert_int_equal(rpc->timeout_ms, 2000);
    assert_true(rpc->ndr64);
    struct kms_buf once;
    struct kms_buf twice;
    kms_buf_init(&once, 65536);
    kms_buf_init(&twice, 65536);
    assert_int_equal(kms_site_print(&site, &once), KMS_OK);
    kms_site_free(&site);
    expect_good(kms_buf_str(&once), &site);
    assert_int_equal(kms_site_print(&site, &twice), KMS_OK);
    assert_string_equal(kms_buf_str(&once), kms_buf_str(&twice));
    assert_int_equal(site.host[1].source[KMS_SOURCE_RPC].port, 1690);
    assert_true(site.host[1].source[KMS_SOURCE_RPC].ndr64);
    kms_site_free(&site);
    kms_buf_done(&once);
    kms_buf_done(&twice);
    expect_errors("host a { rpc { port 0 } }\n",
                  "t.conf:1: port: '0' is out of range; allowed: a port number, 1 to 65535\n");
    expect_errors("host a { rpc { ndr64 maybe } }\n",
                  "t.conf:1: ndr64: 'maybe' is neither yes nor no; allowed: yes or no\n");
}

static void write_secret(char *path, const char *text, unsigned mode)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(kms_file_replace(path, text, strlen(text), mode, NULL), KMS_OK);
}

static void an_activation_request_is_sent_only_where_there_is_a_block(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(
        "host a { rpc { } }\n"
        "host b { activation { } }\n"
        "host c { activation { product \"windows server 2019\" interval 15m timeout 2s } }\n"
        "host d { activation { product de32eafd-aaee-4662-9444-c1befb41bde2 interval 1d } }\n",
        &site);
    assert_false(site.host[0].source[KMS_SOURCE_ACTIVATION].enabled);
    const struct kms_source_config *preset = &site.host[1].source[KMS_SOURCE_ACTIVATION];
    assert_true(preset->enabled);
    assert_null(preset->product);
    assert_int_equal(preset->interval_ms, 1800000);
    assert_int_equal(preset->timeout_ms, 10000);
    const struct kms_source_config *given = &site.host[2].source[KMS_SOURCE_ACTIVATION];
    assert_string_equal(given->product, "windows server 2019");
    assert_int_equal(given->interval_ms, 900000);
    assert_int_equal(given->timeout_ms, 2000);
    assert_int_equal(site.host[3].source[KMS_SOURCE_ACTIVATION].interval_ms, 86400000);
    kms_site_free(&site);
}

#define PRODUCTS_ALLOWED                                                                     \
    "; allowed: a name such as 'Windows Server 2019', an id, or a product of the file that " \
    "products names\n"

static void nothing_but_a_volume_product_can_be_asked_for_and_not_often(void **state)
{
    (void)state;
    expect_errors(
        "host a { activation { product \"Windows Server 2O19\" } }\n"
        "host b { activation { product = \"Solaris\" } }\n"
        "host c { activation {\n"
        "  interval 14m } }\n"
        "host d { activation { interval 25h timeout 0 cmid random } }\n",
        "t.conf:1: product: 'Windows Server 2O19' is no product that is known, did you "
        "mean 'Windows Server 2019'?" PRODUCTS_ALLOWED
        "t.conf:2: product: 'Solaris' is no product that is known" PRODUCTS_ALLOWED
        "t.conf:4: interval: '14m' is out of range; allowed: a number with ms, s, m, h, d "
        "or w (without a unit seconds), 15m to 1d\n"
        "t.conf:5: interval: '25h' is out of range; allowed: a number with ms, s, m, h, d "
        "or w (without a unit seconds), 15m to 1d\n"
        "t.conf:5: timeout: '0' is out of range; allowed: a number with ms, s, m, h, d or "
        "w (without a unit seconds), 100ms to 10m\n"
        "t.conf:5: unknown key 'cmid'; allowed: product, interval, timeout\n");
}

#define PRODUCT_COLUMNS \
    "application_id,kms_counted_id,kms_product,kind,sku_id,sku_name,protocol,n_policy,sources\n"
#define PRODUCT_IDS(last)                                                           \
    "55c92734-d682-4d71-983e-d6ec3f16059f,6e9fc069-257d-4bc4-b4a7-750514d3274" last \
    ",Windows Server 2031,"
#define PRODUCT_SKU "00000000-0000-4000-8000-000000000001,Windows Server 2031 Standard,6,"

static void a_site_adds_products_in_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/kmsmon-products-XXXXXX";
    write_secret(path, PRODUCT_COLUMNS PRODUCT_IDS("3") "volume," PRODUCT_SKU "5,the vendor\n",
                 0644);
    char text[300];
    kms_text_format(text, sizeof text,
                    "products %s\nhost a { activation { product \"Windows Server 2031\" } }\n",
                    path);
    struct kms_site site;
    struct kms_site again;
    struct kms_buf printed;
    kms_buf_init(&printed, 65536);
    expect_good(text, &site);
    assert_int_equal(site.products.count, 1);
    assert_int_equal(kms_site_print(&site, &printed), KMS_OK);
    expect_good(kms_buf_str(&printed), &again);
    assert_string_equal(again.products_file, path);
    assert_string_equal(again.host[0].source[KMS_SOURCE_ACTIVATION].product, "Windows Server 2031");
    kms_site_free(&again);
    kms_site_free(&site);
    kms_buf_done(&printed);
    (void)unlink(path);
}

/* The error stands at the line of the products, or of the configuration. */
static void expect_product_error(const char *rows, const char *wanted)
{
    char path[] = "/tmp/kmsmon-products-XXXXXX";
    char text[300];
    struct kms_site site;
    struct kms_buf errors;
    write_secret(path, rows, 0644);
    kms_text_format(text, sizeof text,
                    "host a { activation { product \"Windows Server 2031\" } }\nproducts %s\n",
                    path);
    assert_int_equal(build(text, &site, &errors), KMS_EINVAL);
    if (!strstr(kms_buf_str(&errors), wanted)) {
        fail_msg("no '%s' in: %s", wanted, kms_buf_str(&errors));
    }
    kms_buf_done(&errors);
    (void)unlink(path);
}

static void a_product_that_may_not_be_asked_for_is_an_error(void **state)
{
    (void)state;
    expect_product_error(PRODUCT_COLUMNS "\nx\n", ":3: ");
    expect_product_error(PRODUCT_COLUMNS PRODUCT_IDS("3") "volume," PRODUCT_SKU "376,x\n", ":2: ");
    expect_product_error("", "products-");
    expect_errors("products /no/such/file " GOOD_HOST,
                  "t.conf:1: products: '/no/such/file' cannot be read (No such file or directory); "
                  "allowed: a CSV file with the columns of products.csv\n");
    expect_errors(
        "products rows.csv " GOOD_HOST,
        "t.conf:1: products: 'rows.csv' is not an absolute path; allowed: /FOLDER/NAME\n");
    expect_errors(
        "products / " GOOD_HOST,
        "t.conf:1: products: '/' cannot be read (it is no regular file); allowed: a CSV file with "
        "the columns of products.csv\n");
}

static void a_host_needs_a_name_and_a_source(void **state)
{
    (void)state;
    expect_errors("host { report { url /r } }\nhost \"\" { report { url /r } }\n"
                  "host \"a b\" { report { url /r } }\nhost c { }\nhost d { report { } }\n"
                  "host e { report x { url /r } }\nhost = f\n",
                  "t.conf:1: block host has no name; allowed: host \"NAME\" { ... }\n"
                  "t.conf:7: host is a block; allowed: host \"NAME\" { ... }\n"
                  "t.conf:2: host: '' is not a name; allowed: 1 to 255 visible bytes without "
                  "blanks\n"
                  "t.conf:3: host: 'a b' is not a name; allowed: 1 to 255 visible bytes without "
                  "blanks\n"
                  "t.conf:4: host 'c' has no source; add report { url = \"PATH or URL\" }, "
                  "rpc { }, activation { }, wsman { credentials = \"NAME\" } or dns { }\n"
                  "t.conf:5: report: url is missing; allowed: url = \"/PATH\", or a URL with "
                  "file://, http:// or https://\n"
                  "t.conf:6: block report has no name of its own, but 'x' stands there; allowed: "
                  "report { url = \"PATH or URL\" }\n");
}

static void without_hosts_and_domains_the_machine_s_domains_are_discovered(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("", &site);
    assert_true(site.discover_search);
    assert_int_equal(site.host_count, 0);
    kms_site_free(&site);
    expect_good(GOOD_HOST, &site);
    assert_false(site.discover_search);
    kms_site_free(&site);
    expect_good("discover a.example", &site);
    assert_false(site.discover_search);
    assert_int_equal(site.discover.count, 1);
    kms_site_free(&site);
    expect_errors("interval { }\n",
                  "t.conf:1: interval is a key and no block; allowed: interval = VALUE\n");
}

static void what_hosts_share_is_said_once(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("defaults { port = 1690 classes = {server, client}\n"
                "  rpc { timeout = 5s interval = 90s } report { max-age = 2h }\n"
                "  activation { interval = 3h } dns { publish-in = corp.example } }\n"
                "host a { rpc { } }\n"
                "host b { port = 1691 classes = office rpc { timeout = 7s } dns { } }\n"
                "host c { report { url = /r.txt } activation { } }\n"
                "interval = 10s\n",
                &site);
    const struct kms_target *a = &site.host[0], *b = &site.host[1], *c = &site.host[2];
    assert_int_equal(a->port, 1690);
    assert_int_equal(a->classes, KMS_CLASS_BIT(KMS_CLASS_SERVER) | KMS_CLASS_BIT(KMS_CLASS_CLIENT));
    assert_int_equal(a->source[KMS_SOURCE_RPC].timeout_ms, 5000);
    assert_int_equal(a->source[KMS_SOURCE_RPC].interval_ms, 90000);
    assert_false(a->source[KMS_SOURCE_REPORT].enabled); /* a source is the host's own wish */
    assert_false(a->source[KMS_SOURCE_DNS].enabled);
    assert_int_equal(b->port, 1691);
    assert_int_equal(b->classes, KMS_CLASS_BIT(KMS_CLASS_OFFICE));
    assert_int_equal(b->source[KMS_SOURCE_RPC].timeout_ms, 7000);
    assert_int_equal(b->source[KMS_SOURCE_RPC].interval_ms, 90000);
    assert_int_equal(b->publish_in.count, 1);
    assert_int_equal(c->source[KMS_SOURCE_REPORT].max_age_ms, 7200000);
    assert_int_equal(c->source[KMS_SOURCE_ACTIVATION].interval_ms, 10800000);
    assert_int_equal(site.host_count, 3);
    kms_site_free(&site);
}

static void what_hosts_share_is_wrong_once_and_where_it_stands(void **state)
{
    (void)state;
    expect_errors("defaults {\n  rpc { timeout = soon } }\n"
                  "host a { rpc { } }\nhost b { rpc { } }\nhost c { rpc { timeout = 1s } }\n",
                  "t.conf:2: timeout: 'soon' is not a duration; allowed: a number with ms, s, m, "
                  "h, d or w (without a unit seconds), 100ms to 10m\n");
    expect_errors("defaults { address = 192.0.2.1 }\nhost a { rpc { } }\n",
                  "t.conf:1: unknown key 'address'; allowed: port, classes; blocks: report, rpc, "
                  "activation, wsman, dns\n");
    expect_errors("defaults { }\ndefaults { }\nhost a { rpc { } }\n",
                  "t.conf:2: block defaults is there a second time; the first is at t.conf:1; "
                  "allowed: one of them\n");
    expect_errors("defaults { rpc { timeout = 1s } rpc { timeout = 2s } }\nhost a { rpc { } }\n",
                  "t.conf:1: block rpc is there a second time; the first is at t.conf:1; allowed: "
                  "one of them\n");
    expect_errors(
        "defaults { classes = server }\nhost a { }\n",
        "t.conf:2: host 'a' has no source; add report { url = \"PATH or URL\" }, rpc { }, "
        "activation { }, wsman { credentials = \"NAME\" } or dns { }\n");
}

static void the_preset_site_is_that_of_an_empty_file(void **state)
{
    (void)state;
    struct kms_site site;
    assert_int_equal(kms_site_preset(&site), KMS_OK);
    assert_true(site.discover_search);
    assert_string_equal(site.agentx, "unix:/var/agentx/master");
    assert_int_equal(site.dns.timeout_ms, 10000);
    assert_true(site.dns.probe_records);
    assert_int_equal(site.snmp.listen.count, 1);
    assert_string_equal(site.snmp.listen.text[0], "udp:127.0.0.1:1161");
    assert_null(site.snmp.community);
    kms_site_free(&site);
}

/* What is printed reads back to what prints the same. */
static void expect_stable(const struct kms_site *site)
{
    struct kms_buf once;
    struct kms_buf twice;
    struct kms_site again;
    kms_buf_init(&once, 65536);
    kms_buf_init(&twice, 65536);
    assert_int_equal(kms_site_print(site, &once), KMS_OK);
    expect_good(kms_buf_str(&once), &again);
    assert_int_equal(kms_site_print(&again, &twice), KMS_OK);
    assert_string_equal(kms_buf_str(&once), kms_buf_str(&twice));
    kms_site_free(&again);
    kms_buf_done(&once);
    kms_buf_done(&twice);
}

static void a_domain_is_named_once_and_its_hosts_are_names(void **state)
{
    (void)state;
    expect_errors("dns {\n domain a.example { }\n domain \"A.example.\" { }\n"
                  " domain \"_vlmcs._tcp.b.example\" { }\n domain { }\n"
                  " domain c.example {\n  expect = {\"kms1:0\", kms2, kms.\xc3\xa4.de}\n  "
                  "want-hosts = 1001 } }\n",
                  "t.conf:5: block domain has no name; allowed: domain \"NAME\" { ... }\n"
                  "t.conf:3: domain: 'A.example' is there a second time; allowed: one block a "
                  "domain\n"
                  "t.conf:4: domain: '_vlmcs._tcp.b.example' is a record's name; allowed: the "
                  "domain alone, leave _vlmcs._tcp away\n"
                  "t.conf:8: want-hosts: '1001' is out of range; allowed: a whole number, 0 to "
                  "1000\n"
                  "t.conf:7: expect: 'kms1:0' is not a host; allowed: the name of a record's "
                  "target in ASCII (xn--...), with a port behind ':' where it is not 1688\n"
                  "t.conf:7: expect: 'kms.\xc3\xa4.de' is not a host; allowed: the name of a "
                  "record's target in ASCII (xn--...), with a port behind ':' where it is not "
                  "1688\n");
}

static void names_are_looked_up_as_the_block_dns_says(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("host kms1.Example.com { dns { publish-in = {a.example., b.example} } }\n"
                "host 192.0.2.1 { rpc { } dns { publish-in a.example } }\n"
                "discover = {\"c.example.\", d.example}\n"
                "dns { servers \"127.0.0.1:5353, [::1]:53\" interval 30s timeout 2s "
                "probe-records no forget-after 1h\n"
                "  all-authoritative no authoritative \"192.0.2.1:53\"\n"
                "  domain \"Corp.example.\" { want-hosts 2\n"
                "    expect = {kms1.corp.example, \"kms2.corp.example:1700\"} }\n"
                "  domain b.example { } }\n",
                &site);
    assert_false(site.dns.probe_records);
    assert_int_equal(site.dns.forget_after_ms, 3600000);
    assert_int_equal(site.dns.domain_count, 2);
    assert_string_equal(site.dns.domain[0].name, "Corp.example");
    assert_int_equal(site.dns.domain[0].want_hosts, 2);
    assert_int_equal(site.dns.domain[0].expect.count, 2);
    assert_string_equal(site.dns.domain[0].expect.text[1], "kms2.corp.example:1700");
    assert_int_equal(site.dns.domain[1].want_hosts, 1);
    assert_int_equal(site.dns.domain[1].expect.count, 0);
    assert_false(site.dns.all_authoritative);
    assert_string_equal(site.dns.authoritative, "192.0.2.1:53");
    assert_string_equal(site.dns.servers, "127.0.0.1:5353, [::1]:53");
    assert_int_equal(site.dns.interval_ms, 30000);
    const struct kms_target *host = &site.host[0];
    assert_true(host->source[KMS_SOURCE_DNS].enabled);
    assert_int_equal(host->source[KMS_SOURCE_DNS].interval_ms, 30000);
    assert_int_equal(host->source[KMS_SOURCE_DNS].timeout_ms, 2000);
    assert_int_equal(host->publish_in.count, 2);
    assert_true(kms_target_expected_in(host, "example.com"));
    assert_string_equal(host->publish_in.text[0], "a.example");
    assert_string_equal(site.discover.text[0], "c.example");
    expect_stable(&site);
    kms_site_free(&site);
}

static void domains_and_servers_that_cannot_be_asked_are_errors(void **state)
{
    (void)state;
    expect_errors(
        "discover = {_vlmcs._tcp.a.example, 192.0.2.1, b.example, B.example.}\n"
        "dns { servers = dns.example }\n"
        "host h {\n dns { } }\nhost 192.0.2.1 {\n dns { } }\n"
        "host a.example { dns {\n publish-in = {\"\", a..b} } }\n",
        "t.conf:1: discover: '_vlmcs._tcp.a.example' is a record's name; allowed: the domain "
        "alone, leave _vlmcs._tcp away\n"
        "t.conf:1: discover: '192.0.2.1' is not a domain; allowed: a DNS name such as "
        "example.com, 241 bytes at most and 63 between two dots\n"
        "t.conf:1: discover: 'B.example' is there a second time; allowed: every domain once\n"
        "t.conf:2: servers: 'dns.example' cannot be used: 'dns.example' is not a DNS server; "
        "allowed: an address with or without port, e.g. 192.0.2.53, 192.0.2.53:5353 or "
        "[2001:db8::53]:5353\n"
        "t.conf:4: dns: 'h' has no domain of its own to be published in; add publish-in = "
        "\"DOMAIN\", or address = \"NAME.DOMAIN\" to the host\n"
        "t.conf:6: dns: '192.0.2.1' has no domain of its own to be published in; add publish-in = "
        "\"DOMAIN\", or address = \"NAME.DOMAIN\" to the host\n"
        "t.conf:8: publish-in: '' is not a domain; allowed: a DNS name such as example.com, 241 "
        "bytes at most and 63 between two dots\n"
        "t.conf:8: publish-in: 'a..b' is not a domain; allowed: a DNS name such as example.com, "
        "241 bytes at most and 63 between two dots\n");
    expect_errors("dns { servers \"::1,::1,::1,::1,::1,::1,::1,::1,::1\" }\n",
                  "t.conf:1: servers: '::1,::1,::1,::1,::1,::1,::1,::1,::1' cannot be used: more "
                  "than 8 DNS servers; allowed: fewer of them\n");
}

static void expect_listen(const char *listen, bool good)
{
    char text[256];
    assert_true(kms_text_format(text, sizeof text, "snmp { listen = \"%s\" community x }", listen));
    if (good) {
        struct kms_site site;
        expect_good(text, &site);
        assert_int_equal(site.snmp.listen.count, 1);
        assert_string_equal(site.snmp.listen.text[0], listen);
        kms_site_free(&site);
        return;
    }
    char wanted[512];
    assert_true(kms_text_format(wanted, sizeof wanted,
                                "t.conf:1: listen: '%s' is not a place to listen; allowed: "
                                "udp:IPV4:PORT, udp6:[IPV6]:PORT, tcp:IPV4:PORT, "
                                "tcp6:[IPV6]:PORT, unix:/PATH\n",
                                listen));
    expect_errors(text, wanted);
}

static void the_port_of_its_own_is_an_address_with_a_transport(void **state)
{
    (void)state;
    static const char *const good[] = {"udp:127.0.0.1:1161", "udp:0.0.0.0:161",
                                       "udp6:[::1]:1161",    "tcp:192.0.2.1:161",
                                       "tcp6:[::]:161",      "unix:/run/kmsmon.snmp"};
    static const char *const wrong[] = {"",
                                        "127.0.0.1:1161",
                                        "udp:1161",
                                        "udp:localhost:161",
                                        "udp:127.0.0.1:0",
                                        "udp:127.0.0.1:65536",
                                        "udp:[::1]:161",
                                        "udp6:::1:161",
                                        "udp6:[]:161",
                                        "udp6:[127.0.0.1]:161",
                                        "tcp6:127.0.0.1:161",
                                        "unix:run",
                                        "unix:/",
                                        "dtls:127.0.0.1:161"};
    for (size_t i = 0; i < KMS_COUNT_OF(good); i++) {
        expect_listen(good[i], true);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        expect_listen(wrong[i], false);
    }
}

static void others_than_this_machine_need_a_community_or_a_user(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("snmp { listen = {\"udp:127.0.0.9:161\", \"udp6:[::1]:161\", \"unix:/x\"} }",
                &site);
    assert_int_equal(site.snmp.listen.count, 3);
    kms_site_free(&site);
    expect_errors("snmp {\n listen = {\"udp:127.0.0.1:161\", \"udp:0.0.0.0:161\", "
                  "\"UDP:0.0.0.0:161\", \"udp:127.0.0.1:161\"} }\n",
                  "t.conf:2: listen: 'udp:0.0.0.0:161' can be reached from other machines, where "
                  "the default community 'public' is not served; add community, community-file or "
                  "user \"NAME\" { ... }\n"
                  "t.conf:2: listen: 'UDP:0.0.0.0:161' is not a place to listen; allowed: "
                  "udp:IPV4:PORT, udp6:[IPV6]:PORT, tcp:IPV4:PORT, tcp6:[IPV6]:PORT, unix:/PATH\n"
                  "t.conf:2: listen: 'udp:127.0.0.1:161' is there a second time; allowed: each one "
                  "once\n");
}

/* A file with that text and those permissions; unlink path afterwards. */
static void users_have_a_name_and_files_with_pass_phrases(void **state)
{
    (void)state;
    char phrase[] = "/tmp/kms-secret-XXXXXX";
    write_secret(phrase, "correct horse\r\nsecond line\n", 0600);
    char text[512];
    assert_true(kms_text_format(text, sizeof text,
                                "snmp { listen \"udp:0.0.0.0:161\" community-file %s\n"
                                "user monitor { auth-file %s priv-file %s }\n"
                                "user reader { auth sha512 auth-file %s priv none } }\n",
                                phrase, phrase, phrase, phrase));
    struct kms_site site;
    struct kms_buf errors;
    assert_int_equal(build(text, &site, &errors), KMS_EINVAL); /* a community has no blank */
    assert_non_null(strstr(kms_buf_str(&errors), "t.conf:1: community-file: '"));
    assert_non_null(strstr(kms_buf_str(&errors), "' holds no community; allowed: "));
    kms_buf_done(&errors);
    assert_int_equal(kms_file_replace(phrase, "correct-horse\n", 14, 0600, NULL), KMS_OK);
    expect_good(text, &site);
    assert_int_equal(site.snmp.user_count, 2);
    assert_string_equal(site.snmp.user[0].name, "monitor");
    assert_int_equal(site.snmp.user[0].auth, KMS_SITE_AUTH_SHA256);
    assert_int_equal(site.snmp.user[0].priv, KMS_SITE_PRIV_AES);
    assert_string_equal(site.snmp.user[0].auth_file, phrase);
    assert_int_equal(site.snmp.user[1].auth, KMS_SITE_AUTH_SHA512);
    assert_int_equal(site.snmp.user[1].priv, KMS_SITE_PRIV_NONE);
    assert_null(site.snmp.user[1].priv_file);
    expect_stable(&site);
    kms_site_free(&site);
    assert_int_equal(unlink(phrase), 0);
}

static void expect_secret(const char *text, unsigned mode, const char *wrong)
{
    char path[] = "/tmp/kms-secret-XXXXXX";
    write_secret(path, text, mode);
    char conf[256];
    char wanted[512];
    assert_true(kms_text_format(conf, sizeof conf,
                                "snmp { user u {\n auth-file %s\n priv none } }\n", path));
    assert_true(
        kms_text_format(wanted, sizeof wanted, "t.conf:2: auth-file: '%s' %s\n", path, wrong));
    expect_errors(conf, wanted);
    assert_int_equal(unlink(path), 0);
}

static void a_secret_is_long_enough_and_its_owner_s_alone(void **state)
{
    (void)state;
    static const char length[] =
        "has a first line that is too short or too long; allowed: 8 to 255 bytes";
    expect_secret("longenough\n", 0640, "is readable by others; chmod 600");
    expect_secret("longenough\n", 0604, "is readable by others; chmod 600");
    expect_secret("seven77\nlonger line\n", 0600, length);
    expect_secret("", 0600, length);
    char long_text[300];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    expect_secret(long_text, 0600, length);
}

static void users_and_communities_that_cannot_work_are_errors(void **state)
{
    (void)state;
    expect_errors(
        "snmp {\n community \"a b\"\n community-file /no/such\n"
        " user u { }\n user u { auth md5 auth-file x priv none priv-file /y }\n"
        " user \"a b\" { auth-file /etc priv none }\n user { auth-file /no/such priv none } }\n",
        "t.conf:7: block user has no name; allowed: user \"NAME\" { ... }\n"
        "t.conf:2: community: '***' is not a community; allowed: 1 to 64 letters, digits and signs "
        "without blanks, quotes, \\ and #\n"
        "t.conf:3: community-file: '/no/such' stands beside community; allowed: one of them\n"
        "t.conf:3: community-file: '/no/such' cannot be read (No such file or directory); allowed: "
        "a file that the agent may read\n"
        "t.conf:4: user: auth-file is missing; allowed: auth-file = \"/PATH\" of a file whose "
        "first line is the pass phrase\n"
        "t.conf:4: user: priv-file is missing; allowed: priv-file = \"/PATH\" of a file whose "
        "first line is the pass phrase, or priv = none\n"
        "t.conf:5: user 'u' is there a second time; allowed: one block a user\n"
        "t.conf:5: auth: 'md5' is unknown; allowed: one of sha1, sha224, sha256, sha384, sha512\n"
        "t.conf:5: auth-file: 'x' is not an absolute path; allowed: /FOLDER/NAME\n"
        "t.conf:5: priv-file: '/y' has no use with priv = none; allowed: priv = aes, or no "
        "priv-file\n"
        "t.conf:6: user: 'a b' is not a name; allowed: 1 to 32 letters, digits and signs without "
        "blanks, quotes, \\ and #\n"
        "t.conf:6: auth-file: '/etc' is not a regular file; allowed: a file that the agent may "
        "read\n"
        "t.conf:7: auth-file: '/no/such' cannot be read (No such file or directory); allowed: a "
        "file that the agent may read\n");
}

static void a_community_is_not_printed(void **state)
{
    (void)state;
    struct kms_site site;
    struct kms_buf printed;
    kms_buf_init(&printed, 65536);
    expect_good("snmp { community s3cret! }", &site);
    assert_string_equal(site.snmp.community, "s3cret!");
    assert_int_equal(kms_site_print(&site, &printed), KMS_OK);
    kms_site_free(&site);
    assert_null(strstr(kms_buf_str(&printed), "s3cret"));
    assert_non_null(strstr(kms_buf_str(&printed), "\nsnmp {\n    listen = \"udp:127.0.0.1:1161\"\n"
                                                  "    # community: not shown\n}\n"));
    expect_good(kms_buf_str(&printed), &site);
    kms_site_free(&site);
    kms_buf_done(&printed);
}

#define AGENTX_ALLOWED                                                                        \
    "is not an address of an AgentX master; allowed: unix:/PATH or /PATH without blanks and " \
    "shorter than 108 bytes, tcp:HOST:PORT, tcp6:HOST:PORT, tcp6:[ADDRESS]:PORT\n"
#define URL_ALLOWED "; allowed: /PATH, file:///PATH, http://SERVER/PATH, https://SERVER/PATH\n"
#define ADDRESS_ALLOWED                                                                      \
    "is neither a DNS name nor an IP address; allowed: a name of letters, digits, '-', '_' " \
    "and '.', or an address such as 192.0.2.1 or 2001:db8::1\n"

static void paths_are_absolute_and_addresses_not_empty(void **state)
{
    (void)state;
    expect_errors(
        "state-dir var\nagentx \"a b\"\n"
        "host h { address \"\" classes = {} report {\n url in.txt\n ca-file ca.pem } }\n"
        "host i { report { url = \"-\" } }\nhost j { report { url = \"file://\" } }\n",
        "t.conf:2: agentx: 'a b' " AGENTX_ALLOWED
        "t.conf:1: state-dir: 'var' is not an absolute path; allowed: /FOLDER/NAME\n"
        "t.conf:3: classes: this list is empty; leave the key out, or name some; allowed: "
        "any of client, server, office2010, office\n"
        "t.conf:3: address: '' " ADDRESS_ALLOWED
        "t.conf:4: url: 'in.txt' is neither an absolute path nor a URL" URL_ALLOWED
        "t.conf:5: ca-file: 'ca.pem' is not an absolute path; allowed: /FOLDER/NAME\n"
        "t.conf:6: url: '-' is neither an absolute path nor a URL" URL_ALLOWED
        "t.conf:7: url: 'file://' cannot be used: a file URL names no other machine: file:///path "
        "with three slashes" URL_ALLOWED);
}

static void expect_agentx(const char *agentx, bool good)
{
    char text[512];
    assert_true(kms_text_format(text, sizeof text, "agentx = \"%s\"\n" GOOD_HOST, agentx));
    if (good) {
        struct kms_site site;
        expect_good(text, &site);
        assert_string_equal(site.agentx, agentx);
        kms_site_free(&site);
        return;
    }
    char wanted[1024];
    assert_true(
        kms_text_format(wanted, sizeof wanted, "t.conf:1: agentx: '%s' " AGENTX_ALLOWED, agentx));
    expect_errors(text, wanted);
}

static void the_master_is_reached_by_a_path_or_by_host_and_port(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/run/agentx",       "unix:/run/agentx",       "tcp:localhost:705",
        "tcp:192.0.2.1:705", "tcp6:[2001:db8::1]:705", "tcp6:host.example:705"};
    static const char *const wrong[] = {"foo:bar",
                                        "5",
                                        "",
                                        "/",
                                        "unix:run",
                                        "localhost:705",
                                        "tcp:705",
                                        "tcp:localhost",
                                        "tcp:h:0",
                                        "tcp:h:65536",
                                        "tcp::705",
                                        "tcp:1.2.3.999:705",
                                        "tcp6:[x]:705",
                                        "tcp6:[::1]",
                                        "tcp6:[]:705",
                                        "tcp:h:-1",
                                        "tcp:[::1]:705",
                                        "tcp:::1:705",
                                        "tcp6:::1:705"};
    for (size_t i = 0; i < KMS_COUNT_OF(good); i++) {
        expect_agentx(good[i], true);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        expect_agentx(wrong[i], false);
    }
}

static void expect_address(const char *address, bool good)
{
    char text[512];
    assert_true(kms_text_format(text, sizeof text,
                                "host h { address = \"%s\" report { url = /r } }\n", address));
    if (good) {
        struct kms_site site;
        expect_good(text, &site);
        kms_site_free(&site);
        return;
    }
    char wanted[1024];
    assert_true(kms_text_format(wanted, sizeof wanted, "t.conf:1: address: '%s' " ADDRESS_ALLOWED,
                                address));
    expect_errors(text, wanted);
}

static void an_address_is_a_dns_name_or_an_ip_address(void **state)
{
    (void)state;
    static const char *const good[] = {
        "192.0.2.1",   "2001:db8::1", "fe80::1%eth0",         "kms01",
        "a_b-c.d1.e.", "1.example",   "xn--bcher-kva.example"};
    static const char *const wrong[] = {"1.2.3.999", "1.2.3", "7",   "a..b", ".a",
                                        ".",         "a/b",   "a:b", "a@b",  "2001:db8::g",
                                        "[::1]",     "a,b",   "::1%"};
    for (size_t i = 0; i < KMS_COUNT_OF(good); i++) {
        expect_address(good[i], true);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        expect_address(wrong[i], false);
    }
}

static void an_address_that_cannot_be_asked_is_an_error_and_shows_no_password(void **state)
{
    (void)state;
    expect_errors(
        "host h { report { url = \"http://w:99999/x\" } }\n"
        "host i { report { url = \"http://u:pw@w:0/x\" } }\n"
        "host j { report { url = \"ftp://u:pw@w/x\" } }\n"
        "host k { report { url = \"\" } }\n",
        "t.conf:1: url: 'http://w:99999/x' cannot be used: '99999' is not a port number of 1 to "
        "65535" URL_ALLOWED
        "t.conf:2: url: 'http://u:***@w:0/x' cannot be used: '0' is not a port number of 1 to "
        "65535" URL_ALLOWED
        "t.conf:3: url: 'ftp://u:***@w/x' cannot be used: 'ftp' is not supported: a path, "
        "file:///path, http:// or https:// is" URL_ALLOWED
        "t.conf:4: url: '' is neither an absolute path nor a URL" URL_ALLOWED);
}

static void a_ca_file_is_there_and_can_be_read(void **state)
{
    (void)state;
    expect_errors(
        "host h { report { url = /r\n ca-file /no/such.pem } }\n"
        "host i { report { url = /r ca-file /etc } }\n",
        "t.conf:2: ca-file: '/no/such.pem' cannot be read (No such file or directory); allowed: a "
        "PEM file that the agent may read\n"
        "t.conf:3: ca-file: '/etc' cannot be read (Is a directory); allowed: a PEM file that the "
        "agent may read\n");
}

static void critical_does_not_come_before_warning(void **state)
{
    (void)state;
    expect_errors(
        "judgement {\n expires-warning 5d\n failed-warning 9\n failed-critical 8\n"
        " failed-ratio-critical 10\n skew-warning 4h }\n" GOOD_HOST,
        "t.conf:2: expires-warning: '5d' is less than expires-critical, which is 1w; allowed: 1w "
        "or more\n"
        "t.conf:3: failed-warning: '9' is more than failed-critical, which is 8; allowed: 8 or "
        "less\n"
        "t.conf:5: failed-ratio-critical: '10' is less than failed-ratio-warning, which is 50; "
        "allowed: 50 or more\n"
        "t.conf:6: skew-warning: '4h' is more than skew-critical, which is 3h; allowed: 3h or "
        "less\n");
    struct kms_site site;
    expect_good("judgement { expires-warning 7d failed-warning 10 skew-warning 3h }\n" GOOD_HOST,
                &site);
    kms_site_free(&site);
}

static void a_password_is_not_printed_and_what_is_printed_reads_well(void **state)
{
    (void)state;
    struct kms_site site;
    struct kms_buf printed;
    kms_buf_init(&printed, 65536);
    expect_good("host h { report { url = \"https://me:secret@w:8443/x\" max-age 2h } }\n", &site);
    assert_int_equal(kms_site_print(&site, &printed), KMS_OK);
    assert_string_equal(site.host[0].source[KMS_SOURCE_REPORT].url, "https://me:secret@w:8443/x");
    kms_site_free(&site);
    assert_null(strstr(kms_buf_str(&printed), "secret"));
    assert_non_null(strstr(kms_buf_str(&printed),
                           "        # the password of this address is not shown\n"
                           "        url = \"https://me:***@w:8443/x\"\n"));
    expect_good(kms_buf_str(&printed), &site);
    assert_int_equal(site.host[0].source[KMS_SOURCE_REPORT].max_age_ms, 7200000);
    kms_site_free(&site);
    kms_buf_done(&printed);
}

static void a_file_is_loaded_and_its_errors_are_told(void **state)
{
    (void)state;
    char path[] = "/tmp/kms-site-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    struct kms_buf errors;
    kms_buf_init(&errors, 65536);
    struct kms_site site;
    assert_int_equal(kms_file_replace(path, GOOD_HOST, strlen(GOOD_HOST), 0600, NULL), KMS_OK);
    assert_int_equal(kms_site_load(path, &site, &errors), KMS_OK);
    kms_site_free(&site);
    assert_int_equal(kms_file_replace(path, "x 1\n", 4, 0600, NULL), KMS_OK);
    assert_int_equal(kms_site_load(path, &site, &errors), KMS_EINVAL);
    assert_non_null(strstr(kms_buf_str(&errors), ":1: unknown key 'x'"));
    assert_int_equal(unlink(path), 0);
    kms_buf_clear(&errors);
    assert_int_equal(kms_site_load(path, &site, &errors), KMS_EINVAL);
    assert_non_null(strstr(kms_buf_str(&errors), ": no such file"));
    kms_buf_done(&errors);
}

static void ten_thousand_hosts_are_read(void **state)
{
    (void)state;
    struct kms_buf text;
    kms_buf_init(&text, 8 << 20);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(kms_buf_addf(&text, "host kms%d { report { url = /in/%d } }\n", i, i),
                         KMS_OK);
    }
    struct kms_site site;
    expect_good(kms_buf_str(&text), &site);
    assert_int_equal(site.host_count, 10000);
    assert_string_equal(site.host[9999].name, "kms9999");
    kms_site_free(&site);
    kms_buf_done(&text);
}

static void every_key_is_listed(void **state)
{
    (void)state;
    struct kms_buf keys;
    kms_buf_init(&keys, 65536);
    assert_int_equal(kms_site_keys(&keys), KMS_OK);
    static const char *const wanted[] = {"agentx\t",
                                         "host.classes\t",
                                         "host.report.max-age\t",
                                         "discover\t",
                                         "dns.servers\t",
                                         "alarms.confirm\t",
                                         "alarms.alarm.enabled\t",
                                         "host.dns.publish-in\t",
                                         "host.activation.product\t",
                                         "products\t",
                                         "snmp.listen\t",
                                         "snmp.user.auth-file\t",
                                         "judgement.client-threshold\t",
                                         "host.wsman.credentials\t",
                                         "credentials.password-file\t"};
    for (size_t i = 0; i < KMS_COUNT_OF(wanted); i++) {
        assert_non_null(strstr(kms_buf_str(&keys), wanted[i]));
    }
    kms_buf_done(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_configuration_has_all_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(alarms_have_rules_of_their_own),
        cmocka_unit_test(wrong_alarms_are_told_with_what_is_allowed),
        cmocka_unit_test(a_report_may_be_judged_whatever_its_age),
        cmocka_unit_test(what_is_printed_reads_back_to_the_same_site),
        cmocka_unit_test(unknown_keys_and_blocks_list_the_allowed_ones_and_the_nearest),
        cmocka_unit_test(repeated_keys_blocks_and_hosts_name_the_first_place),
        cmocka_unit_test(wrong_values_say_what_is_allowed),
        cmocka_unit_test(the_block_rpc_enables_the_source),
        cmocka_unit_test(an_activation_request_is_sent_only_where_there_is_a_block),
        cmocka_unit_test(nothing_but_a_volume_product_can_be_asked_for_and_not_often),
        cmocka_unit_test(a_site_adds_products_in_a_file),
        cmocka_unit_test(a_product_that_may_not_be_asked_for_is_an_error),
        cmocka_unit_test(a_host_needs_a_name_and_a_source),
        cmocka_unit_test(without_hosts_and_domains_the_machine_s_domains_are_discovered),
        cmocka_unit_test(what_hosts_share_is_said_once),
        cmocka_unit_test(what_hosts_share_is_wrong_once_and_where_it_stands),
        cmocka_unit_test(the_preset_site_is_that_of_an_empty_file),
        cmocka_unit_test(a_domain_is_named_once_and_its_hosts_are_names),
        cmocka_unit_test(names_are_looked_up_as_the_block_dns_says),
        cmocka_unit_test(domains_and_servers_that_cannot_be_asked_are_errors),
        cmocka_unit_test(the_port_of_its_own_is_an_address_with_a_transport),
        cmocka_unit_test(others_than_this_machine_need_a_community_or_a_user),
        cmocka_unit_test(users_have_a_name_and_files_with_pass_phrases),
        cmocka_unit_test(a_secret_is_long_enough_and_its_owner_s_alone),
        cmocka_unit_test(users_and_communities_that_cannot_work_are_errors),
        cmocka_unit_test(a_community_is_not_printed),
        cmocka_unit_test(paths_are_absolute_and_addresses_not_empty),
        cmocka_unit_test(the_master_is_reached_by_a_path_or_by_host_and_port),
        cmocka_unit_test(an_address_is_a_dns_name_or_an_ip_address),
        cmocka_unit_test(an_address_that_cannot_be_asked_is_an_error_and_shows_no_password),
        cmocka_unit_test(a_ca_file_is_there_and_can_be_read),
        cmocka_unit_test(critical_does_not_come_before_warning),
        cmocka_unit_test(a_password_is_not_printed_and_what_is_printed_reads_well),
        cmocka_unit_test(a_file_is_loaded_and_its_errors_are_told),
        cmocka_unit_test(ten_thousand_hosts_are_read),
        cmocka_unit_test(every_key_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
