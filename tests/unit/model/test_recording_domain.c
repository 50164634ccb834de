/* Domains of recordings: what people write is read or refused with its line, and what is known of a
 * watched domain reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/recording.h"

static struct kms_recording read_text(const char *text)
{
    struct kms_recording recording;
    struct kms_fault fault = {.text = ""};
    if (kms_recording_read(text, strlen(text), true, &recording, &fault) != KMS_OK) {
        fail_msg("line %zu: %s", fault.offset, fault.text);
    }
    return recording;
}

/* As it is written again. */
static char *rewrite(const char *text)
{
    struct kms_recording recording = read_text(text);
    struct kms_buf buf;
    kms_buf_init(&buf, (size_t)1 << 20);
    for (size_t i = 0; i < recording.domain_count; i++) {
        assert_int_equal(kms_recording_write_domain(&recording.domain[i], &buf), KMS_OK);
    }
    kms_recording_done(&recording);
    return kms_buf_take(&buf);
}

static void a_domain_has_what_its_lines_say(void **state)
{
    (void)state;
    struct kms_recording recording = read_text("domain \"example.com.\"\n"
                                               "want-hosts 2\n"
                                               "expect \"kms1.example.com\"\n"
                                               "expect \"kms2.example.com:1689\"\n"
                                               "discover\n"
                                               "lookup ok\n"
                                               "  record \"kms1.example.com\"\n"
                                               "    address \"192.0.2.1\"\n"
                                               "    address \"2001:db8::1\"\n"
                                               "    bind accepted\n"
                                               "  record \"kms1.example.com\" port 1689 weight 5\n"
                                               "  record \"kms2.example.com\" ttl 60 priority 10\n"
                                               "    target dns-nxdomain\n"
                                               "  servers differ \"192.0.2.53 lacks one\"\n"
                                               "end\n"
                                               "at 2h\n"
                                               "lookup dns-servfail\n"
                                               "  detail \"broken\"\n"
                                               "end\n"
                                               "repeat 4h\n");
    assert_int_equal(recording.domain_count, 1);
    const struct kms_recorded_domain *domain = &recording.domain[0];
    assert_string_equal(domain->name, "example.com");
    assert_int_equal(domain->want_hosts, 2);
    assert_int_equal(domain->expect.count, 2);
    assert_true(domain->discover);
    assert_int_equal(domain->repeat_ms, 4 * 3600000);
    assert_int_equal(domain->lookup_count, 2);
    const struct kms_recorded_lookup *lookup = &domain->lookup[0];
    assert_int_equal(lookup->record_count, 3);
    const struct kms_recorded_record *record = lookup->record;
    assert_int_equal(record[0].port, 1688);
    assert_int_equal(record[0].ttl, 3600);
    assert_int_equal(record[0].found, KMS_OUTCOME_OK);
    assert_int_equal(record[0].address.count, 2);
    assert_int_equal(record[0].bind, KMS_RPC_ACCEPTED);
    assert_int_equal(record[1].port, 1689);
    assert_int_equal(record[1].weight, 5);
    assert_int_equal(record[1].found, KMS_OUTCOME_NONE);
    assert_int_equal(record[1].bind, KMS_RPC_UNKNOWN);
    assert_int_equal(record[2].priority, 10);
    assert_int_equal(record[2].ttl, 60);
    assert_int_equal(record[2].found, KMS_OUTCOME_DNS_NXDOMAIN);
    assert_int_equal(lookup->servers, KMS_RECORDED_SERVERS_DIFFER);
    assert_string_equal(lookup->servers_text, "192.0.2.53 lacks one");
    assert_int_equal(domain->lookup[1].at_ms, 7200000);
    assert_int_equal(domain->lookup[1].outcome, KMS_OUTCOME_DNS_SERVFAIL);
    assert_string_equal(domain->lookup[1].detail, "broken");
    kms_recording_done(&recording);
}

static void hosts_and_domains_may_follow_each_other(void **state)
{
    (void)state;
    struct kms_recording recording = read_text("host \"a\"\nat 2h\nresult rpc ok\nend\n"
                                               "domain \"x\"\nlookup dns-timeout\nend\n"
                                               "at 1h\nlookup dns-nodata\nend\n"
                                               "host \"b\"\nresult rpc ok\nend\n"
                                               "domain \"y\"\nlookup dns-nxdomain\nend\n");
    assert_int_equal(recording.host_count, 2);
    assert_int_equal(recording.domain_count, 2);
    assert_int_equal(recording.domain[0].lookup[0].at_ms, 0);
    assert_int_equal(recording.domain[0].lookup[1].at_ms, 3600000);
    assert_int_equal(recording.host[1].told[0].at_ms, 0);
    kms_recording_done(&recording);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const char text[] =
        "domain \"example.com\"\n"
        "want-hosts 0\n"
        "expect \"kms1.example.com\"\n"
        "discover\n"
        "lookup ok\n"
        "  detail \"a \\\"word\\\"\"\n"
        "  record \"kms1.example.com\" port 0 priority 1 weight 2 ttl 3\n"
        "    address \"192.0.2.1\"\n"
        "    target dns-timeout\n"
        "    bind notKms\n"
        "  record \"192.0.2.9\" port 1688 priority 1 weight 2 ttl 4294967295\n"
        "  record \".\" port 65535 priority 65535 weight 65535 ttl 0\n"
        "  record \"KMS1.example.com\" port 1 priority 1 weight 2 ttl 3\n"
        "    bind timeout\n"
        "  servers agree\n"
        "end\n"
        "at 1h\n"
        "lookup dns-no-service\n"
        "  servers resolver-differs \"r\"\n"
        "end\n"
        "lookup dns-loop\n"
        "  servers unknown \"u\"\n"
        "end\n"
        "repeat 2h\n"
        "domain \"other.example.com\"\n";
    char *again = rewrite(text);
    assert_string_equal(again, text);
    free(again);
}

#define BEGIN "domain \"d\"\nlookup ok\n"

static void a_mistake_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *says;
    } wrong[] = {
        {"lookup ok\n", 1, "a domain must be named before 'lookup'"},
        {"at 1h\n", 1, "a host or a domain must be named before 'at'"},
        {"host \"a\"\nlookup ok\n", 2, "a domain must be named before 'lookup'"},
        {"domain \"a\"\nport 5\n", 2, "a host must be named before 'port'"},
        {"domain \"\"\n", 1, "no domain is called so:"},
        {"domain \"a b\"\n", 1, "no domain is called so: 'a b'"},
        {"domain \".\"\n", 1, "no domain is called so: '.'"},
        {"domain \"a\"\ndomain \"A.\"\n", 2, "there is a domain of this name already: 'A'"},
        {"domain \"a\"\nwant-hosts 1001\n", 2, "not a number that may stand here: '1001'"},
        {"domain \"a\"\nexpect \"x:0\"\n", 2,
         "a host is expected as \"HOST\" or \"HOST:PORT\", not 'x:0'"},
        {"domain \"a\"\ndiscover yes\n", 2, "too much on this line"},
        {"domain \"a\"\nlookup nxdomain\n", 2, "no outcome of a lookup is called 'nxdomain'"},
        {"domain \"a\"\nlookup rpc-timeout\n", 2, "no outcome of a lookup is called 'rpc-timeout'"},
        {"domain \"a\"\n\nlookup dns-timeout\n", 3, "the lookup has no 'end'"},
        {"domain \"a\"\nlookup dns-timeout\nfact x\nend\n", 3,
         "no line of a lookup begins with 'fact'"},
        {"domain \"a\"\nlookup dns-timeout\nend\nat 2h\nlookup dns-timeout\nend\nat 1h\n", 7,
         "this is before the time above"},
        {"domain \"a\"\nat 2h\nrepeat 2h\n", 3,
         "a course that begins again does so after its last time"},
        {BEGIN "end\n", 3, "a lookup that is ok has records; else it is dns-nodata"},
        {"domain \"d\"\nlookup dns-nodata\nrecord \".\"\nend\n", 4,
         "only a lookup that is ok has records"},
        {BEGIN "address \"192.0.2.1\"\n", 3, "this stands below a record"},
        {BEGIN "bind accepted\n", 3, "this stands below a record"},
        {BEGIN "record \"\"\n", 3, "a record has a target, if only \".\""},
        {BEGIN "record \"x\" port 65536\n", 3, "not a number that may stand here: '65536'"},
        {BEGIN "record \"x\" prio 5\n", 3,
         "a record has port, priority, weight and ttl, not 'prio'"},
        {BEGIN "record \"x\"\nrecord \"y\"\n", 3,
         "the record has no address, and no word on why: 'target dns-nxdomain'"},
        {BEGIN "record \"x\"\nbind accepted\n\nend\n", 3,
         "the record has no address, and no word on why: 'target dns-nxdomain'"},
        {BEGIN "record \"x\"\naddress \"kms1\"\n", 4, "not an address: 'kms1'"},
        {BEGIN "record \"x\"\ntarget ok\n", 4, "a target that is ok has addresses"},
        {BEGIN "record \".\"\naddress \"192.0.2.1\"\n", 4,
         "this target is no name, and has no address"},
        {BEGIN "record \"x\"\naddress \"192.0.2.1\"\nrecord \"X\"\naddress \"192.0.2.1\"\n", 6,
         "what became of this target is told above"},
        {BEGIN "record \"x\"\nbind ok\n", 4, "no answer to a bind is called 'ok'"},
        {BEGIN "servers disagree\n", 3,
         "servers agree, differ, resolver-differs or unknown, not 'disagree'"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        struct kms_recording recording;
        struct kms_fault fault = {.text = ""};
        assert_int_equal(
            kms_recording_read(wrong[i].text, strlen(wrong[i].text), true, &recording, &fault),
            KMS_EINVAL);
        assert_string_equal(fault.text, wrong[i].says);
        assert_int_equal(fault.offset, wrong[i].line);
    }
}

/* A lookup with so many records, and a last line. */
static enum kms_status read_many(size_t records, size_t addresses, struct kms_fault *fault)
{
    struct kms_recording recording;
    struct kms_buf buf;
    kms_buf_init(&buf, (size_t)1 << 20);
    assert_int_equal(kms_buf_add_str(&buf, BEGIN), KMS_OK);
    for (size_t i = 0; i < records; i++) {
        assert_int_equal(kms_buf_addf(&buf, "record \"kms%zu\"\n", i), KMS_OK);
        for (size_t k = 0; k < addresses; k++) {
            assert_int_equal(kms_buf_addf(&buf, "address \"192.0.2.%zu\"\n", k), KMS_OK);
        }
    }
    assert_int_equal(kms_buf_add_str(&buf, "end\n"), KMS_OK);
    enum kms_status status = kms_recording_read(kms_buf_str(&buf), buf.len, true, &recording,
                                                fault);
    if (status == KMS_OK) {
        assert_int_equal(recording.domain[0].lookup[0].record_count, records);
        kms_recording_done(&recording);
    }
    kms_buf_done(&buf);
    return status;
}

static void records_addresses_and_texts_have_bounds(void **state)
{
    (void)state;
    struct kms_fault fault = {.text = ""};
    assert_int_equal(read_many(512, 1, &fault), KMS_OK);
    assert_int_equal(read_many(513, 1, &fault), KMS_EINVAL);
    assert_string_equal(fault.text, "a lookup has no more than 512 records");
    assert_int_equal(fault.offset, 2 + 2 * 512 + 1);
    assert_int_equal(read_many(1, 8, &fault), KMS_OK);
    assert_int_equal(read_many(1, 9, &fault), KMS_EINVAL);
    assert_string_equal(fault.text, "a target has no more than 8 addresses");

    char text[512], name[KMS_ZONE_NAME_SIZE + 1];
    struct kms_recording recording;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    kms_text_format(text, sizeof text, BEGIN "record \"%s\"\n", name);
    assert_int_equal(kms_recording_read(text, strlen(text), true, &recording, &fault), KMS_EINVAL);
    assert_string_equal(fault.text, "this text is too long");
    kms_text_format(text, sizeof text, "domain \"%s\"\n", name);
    assert_int_equal(kms_recording_read(text, strlen(text), true, &recording, &fault), KMS_EINVAL);
    assert_int_equal(fault.offset, 1);
}

/* ---- watched domains ---- */

static int64_t now(void *arg)
{
    (void)arg;
    return INT64_C(1764000000) * 1000000;
}

static uint32_t number_of_key(void *arg, const char *host, const char *identity)
{
    (void)arg;
    (void)host;
    (void)identity;
    return 1;
}

static enum kms_rpc_state stranger(void *arg, const struct kms_zone_record *record)
{
    (void)arg;
    return record->port == 1689 ? KMS_RPC_ACCEPTED : KMS_RPC_UNKNOWN;
}

struct watch {
    struct kms_policy policy;
    struct kms_board *board;
    struct kms_zones *zones;
    struct kms_clock clock;
    size_t zone;
};

static void open_watch(struct watch *watch)
{
    watch->clock = (struct kms_clock){.mono_us = now, .wall_us = now};
    kms_policy_preset(&watch->policy);
    watch->board = kms_board_new(&watch->policy, &watch->clock, number_of_key, NULL);
    assert_non_null(watch->board);
    watch->zones = kms_zones_new(watch->board, &watch->clock, true, NULL, NULL, NULL, NULL);
    assert_non_null(watch->zones);
    kms_zones_set_strangers(watch->zones, stranger, NULL);
    assert_int_equal(kms_zones_add(watch->zones, "example.com", &watch->zone), KMS_OK);
}

static void close_watch(struct watch *watch)
{
    kms_zones_free(watch->zones);
    kms_board_free(watch->board);
}

static void publish(struct watch *watch, enum kms_outcome outcome,
                    const struct kms_zone_record *record, size_t count)
{
    const struct kms_zone_lookup lookup = {.outcome = outcome,
                                           .detail = "told",
                                           .wall_s = 1764000000,
                                           .record = record,
                                           .record_count = count};
    assert_int_equal(kms_zones_publish(watch->zones, watch->zone, &lookup), KMS_OK);
}

static void is_taken(struct watch *watch, bool discover, const char *text)
{
    struct kms_recorded_domain domain;
    struct kms_buf buf;
    kms_buf_init(&buf, 8192);
    assert_int_equal(kms_recording_take_zone(watch->zones, watch->zone, discover, &domain), KMS_OK);
    assert_int_equal(kms_recording_write_domain(&domain, &buf), KMS_OK);
    assert_string_equal(kms_buf_str(&buf), text);
    kms_recorded_domain_done(&domain);
    char *again = rewrite(kms_buf_str(&buf));
    assert_string_equal(again, kms_buf_str(&buf));
    free(again);
    kms_buf_done(&buf);
}

static const struct kms_zone_record two[] = {
    {.target = "kms1.example.com",
     .port = 1688,
     .ttl = 3600,
     .resolution = KMS_ZONE_RESOLVES,
     .address = {"192.0.2.1", "2001:db8::1"},
     .address_count = 2},
    {.target = "kms2.example.com",
     .port = 1689,
     .priority = 10,
     .ttl = 60,
     .resolution = KMS_ZONE_RESOLVES_NOT},
};

static void a_watched_domain_reads_back(void **state)
{
    (void)state;
    struct watch watch;
    const struct kms_zone_expected expect = {.name = "kms1", .port = 1690};
    open_watch(&watch);
    assert_int_equal(kms_zones_wish(watch.zones, watch.zone, 3, &expect, 1), KMS_OK);
    publish(&watch, KMS_OUTCOME_OK, two, 2);
    const struct kms_zone_servers servers = {
        .known = true, .disagree = true, .text = "192.0.2.53 lacks it"};
    assert_int_equal(kms_zones_publish_servers(watch.zones, watch.zone, &servers), KMS_OK);
    is_taken(&watch, true,
             "domain \"example.com\"\n"
             "want-hosts 3\n"
             "expect \"kms1.example.com:1690\"\n"
             "discover\n"
             "lookup ok\n"
             "  detail \"told\"\n"
             "  record \"kms1.example.com\" port 1688 priority 0 weight 0 ttl 3600\n"
             "    address \"192.0.2.1\"\n"
             "    address \"2001:db8::1\"\n"
             "  record \"kms2.example.com\" port 1689 priority 10 weight 0 ttl 60\n"
             "    target dns-nxdomain\n"
             "    bind accepted\n"
             "  servers resolver-differs \"192.0.2.53 lacks it\"\n"
             "end\n");
    close_watch(&watch);
}

static void what_is_gone_and_what_failed_is_told_in_lookups_of_their_own(void **state)
{
    (void)state;
    struct watch watch;
    open_watch(&watch);
    publish(&watch, KMS_OUTCOME_OK, two, 2);
    publish(&watch, KMS_OUTCOME_OK, two, 1);
    publish(&watch, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    is_taken(&watch, false,
             "domain \"example.com\"\n"
             "lookup ok\n"
             "  record \"kms1.example.com\" port 1688 priority 0 weight 0 ttl 3600\n"
             "    address \"192.0.2.1\"\n"
             "    address \"2001:db8::1\"\n"
             "  record \"kms2.example.com\" port 1689 priority 10 weight 0 ttl 60\n"
             "    target dns-nxdomain\n"
             "end\n"
             "lookup ok\n"
             "  record \"kms1.example.com\" port 1688 priority 0 weight 0 ttl 3600\n"
             "    address \"192.0.2.1\"\n"
             "    address \"2001:db8::1\"\n"
             "end\n"
             "lookup dns-timeout\n"
             "  detail \"told\"\n"
             "end\n");
    publish(&watch, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    struct kms_recorded_domain domain;
    assert_int_equal(kms_recording_take_zone(watch.zones, watch.zone, false, &domain), KMS_OK);
    assert_int_equal(domain.lookup_count, 2);
    assert_int_equal(domain.lookup[1].outcome, KMS_OUTCOME_DNS_NXDOMAIN);
    kms_recorded_domain_done(&domain);
    close_watch(&watch);
}

static void a_domain_that_was_not_looked_up_has_nothing_to_tell(void **state)
{
    (void)state;
    struct watch watch;
    struct kms_recorded_domain domain;
    open_watch(&watch);
    assert_int_equal(kms_recording_take_zone(watch.zones, watch.zone, false, &domain),
                     KMS_ENOTFOUND);
    kms_zones_drop(watch.zones, watch.zone);
    assert_int_equal(kms_recording_take_zone(watch.zones, watch.zone, false, &domain),
                     KMS_ENOTFOUND);
    close_watch(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_has_what_its_lines_say),
        cmocka_unit_test(hosts_and_domains_may_follow_each_other),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_mistake_is_named_with_its_line),
        cmocka_unit_test(records_addresses_and_texts_have_bounds),
        cmocka_unit_test(a_watched_domain_reads_back),
        cmocka_unit_test(what_is_gone_and_what_failed_is_told_in_lookups_of_their_own),
        cmocka_unit_test(a_domain_that_was_not_looked_up_has_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
