/* The analysis of SRV answers: golden messages, every truncation, and every way to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/srv.h"
#include "unit/dns/message.h"

static struct message m; /* too large for the stack of a test */
static struct kms_fault fault;

/* From a copy of the exact size, so that a read behind the end is seen. */
static enum kms_outcome read_len(size_t len, struct kms_srv_set *ret)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, m.bytes, len);
    fault.text[0] = '\0';
    enum kms_outcome outcome = kms_srv_read(copy, len, ASKED, ret, &fault);
    free(copy);
    return outcome;
}

static void expect(enum kms_outcome outcome)
{
    struct kms_srv_set set = {.srv = NULL};
    assert_int_equal(read_len(m.len, &set), outcome);
    kms_srv_set_done(&set);
}

static void expect_malformed(const char *text)
{
    expect(KMS_OUTCOME_DNS_MALFORMED);
    if (!strstr(fault.text, text)) {
        fail_msg("'%s' does not say '%s'", fault.text, text);
    }
}

static void records_come_by_priority_then_the_higher_weight(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 3, ASKED, 33);
    put_srv(&m, 10, 5, 1688, 300, "c.kms.lab");
    put_srv(&m, 10, 50, 1688, 200, "b.kms.lab");
    put_srv(&m, 0, 0, 1689, 100, "a.kms.lab");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.srv[0].target, "a.kms.lab");
    assert_int_equal(set.srv[0].port, 1689);
    assert_int_equal(set.srv[0].ttl, 100);
    assert_string_equal(set.srv[1].target, "b.kms.lab");
    assert_int_equal(set.srv[1].weight, 50);
    assert_string_equal(set.srv[2].target, "c.kms.lab");
    assert_int_equal(set.srv[2].priority, 10);
    assert_string_equal(set.alias, "");
    kms_srv_set_done(&set);
}

static void a_target_may_be_compressed(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 33, 300, 6 + 5 + 2);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    put_bytes(&m, "\4kms1", 5);
    put16(&m, 0xC000 | (12 + 7 + 5)); /* behind _vlmcs and _tcp */
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_string_equal(set.srv[0].target, "kms1.kms.lab");
    kms_srv_set_done(&set);
}

static void the_same_record_twice_is_marked_whatever_its_case(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 3, ASKED, 33);
    put_srv(&m, 0, 0, 1688, 300, "kms1.kms.lab");
    put_srv(&m, 0, 0, 1689, 300, "kms1.kms.lab");
    put_srv(&m, 0, 0, 1688, 300, "KMS1.kms.lab");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.srv[0].flaw, KMS_SRV_SOUND);
    assert_int_equal(set.srv[1].flaw, KMS_SRV_DUPLICATE);
    assert_true(kms_srv_usable(&set.srv[1]));
    assert_int_equal(set.srv[2].flaw, KMS_SRV_SOUND);
    assert_int_equal(set.srv[2].port, 1689);
    kms_srv_set_done(&set);
}

static void port_zero_root_and_address_are_flaws(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 3, ASKED, 33);
    put_srv(&m, 0, 0, 0, 300, "kms1.kms.lab");
    put_srv(&m, 1, 0, 1688, 300, ".");
    put_srv(&m, 2, 0, 1688, 300, "192.0.2.1");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.srv[0].flaw, KMS_SRV_NO_PORT);
    assert_int_equal(set.srv[1].flaw, KMS_SRV_ROOT);
    assert_string_equal(set.srv[1].target, ".");
    assert_int_equal(set.srv[2].flaw, KMS_SRV_ADDRESS);
    for (size_t i = 0; i < set.count; i++) {
        assert_false(kms_srv_usable(&set.srv[i]));
        assert_true(kms_srv_flaw_text(set.srv[i].flaw)[0] != '\0');
    }
    kms_srv_set_done(&set);
}

static void an_ipv6_address_is_no_name_either(void **state)
{
    (void)state;
    static const char *const address[] = {"::1", "2001:db8::1", "fe80::1%lo", "::g"};
    for (size_t i = 0; i < sizeof address / sizeof *address; i++) {
        struct kms_srv_set set;
        bool is_address = i < 3; /* the last one is none */
        begin(&m, 0, 1, ASKED, 33);
        put_srv(&m, 0, 0, 1688, 300, address[i]);
        assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
        assert_string_equal(set.srv[0].target, address[i]);
        assert_int_equal(set.srv[0].flaw, is_address ? KMS_SRV_ADDRESS : KMS_SRV_SOUND);
        kms_srv_set_done(&set);
    }
}

/* 120 bytes, which would be 480 characters: the records beside it must not be lost. */
static void a_name_too_long_to_be_written_out_hides_no_other(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 2, ASKED, 33);
    put_record(&m, 33, 300, 6 + 61 + 61 + 1);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    for (int label = 0; label < 2; label++) {
        put_bytes(&m, "\74", 1);
        for (int i = 0; i < 60; i++) {
            put_bytes(&m, i == 1 ? "." : "\351", 1);
        }
    }
    put_bytes(&m, "", 1);
    put_srv(&m, 0, 0, 1688, 300, "kms1.kms.lab");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.count, 2);
    assert_int_equal(strlen(set.srv[0].target), 121);
    assert_int_equal(strspn(set.srv[0].target, "?"), 60);
    assert_int_equal(set.srv[0].target[60], '.');
    assert_string_equal(set.srv[1].target, "kms1.kms.lab");
    kms_srv_set_done(&set);
}

static void the_root_alone_says_that_there_is_no_service(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_srv(&m, 0, 0, 0, 300, ".");
    expect(KMS_OUTCOME_DNS_NO_SERVICE);
}

static void aliases_are_followed_in_any_order(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 2, ASKED, 33);
    put_name(&m, "real.kms.lab");
    put16(&m, 33);
    put16(&m, 1);
    put32(&m, 60);
    put16(&m, (unsigned)(6 + name_len("kms1.kms.lab")));
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    put_name(&m, "kms1.kms.lab");
    put_record(&m, 5, 60, (unsigned)name_len("real.kms.lab"));
    put_name(&m, "real.kms.lab");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.count, 1);
    assert_string_equal(set.alias, "real.kms.lab");
    kms_srv_set_done(&set);
}

static void an_alias_of_itself_is_a_loop(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 5, 60, 2);
    put16(&m, 0xC00C);
    expect(KMS_OUTCOME_DNS_LOOP);
}

static void an_alias_without_records_is_nodata(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 5, 60, (unsigned)name_len("real.kms.lab"));
    put_name(&m, "real.kms.lab");
    expect(KMS_OUTCOME_DNS_NODATA);
}

static void records_of_another_name_do_not_count(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_name(&m, "_vlmcs._tcp.evil.lab");
    put16(&m, 33);
    put16(&m, 1);
    put32(&m, 60);
    put16(&m, (unsigned)(6 + name_len("evil.lab")));
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    put_name(&m, "evil.lab");
    expect(KMS_OUTCOME_DNS_NODATA);
}

static void the_answer_to_another_question_is_malformed(void **state)
{
    (void)state;
    begin(&m, 0, 0, "_vlmcs._tcp.other.lab", 33);
    expect_malformed("another question");
}

static void a_question_is_no_answer(void **state)
{
    (void)state;
    begin(&m, 0, 0, ASKED, 33);
    m.bytes[2] = 0x01;
    expect_malformed("not that of an answer");
}

static void codes_of_the_server_have_their_outcomes(void **state)
{
    (void)state;
    static const struct {
        unsigned rcode;
        enum kms_outcome outcome;
    } cases[] = {
        {0, KMS_OUTCOME_DNS_NODATA},        {1, KMS_OUTCOME_DNS_NOT_SUPPORTED},
        {2, KMS_OUTCOME_DNS_SERVFAIL},      {3, KMS_OUTCOME_DNS_NXDOMAIN},
        {4, KMS_OUTCOME_DNS_NOT_SUPPORTED}, {5, KMS_OUTCOME_DNS_REFUSED},
        {9, KMS_OUTCOME_DNS_NOT_SUPPORTED},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        begin(&m, cases[i].rcode, 0, ASKED, 33);
        expect(cases[i].outcome);
    }
}

/* A record's length that ends before or behind its target. */
static void a_record_of_a_wrong_length_is_malformed(void **state)
{
    (void)state;
    for (int by = -8; by <= 8; by++) {
        begin(&m, 0, 1, ASKED, 33);
        size_t at = m.len + 10;
        put_srv(&m, 0, 0, 1688, 300, "kms1.kms.lab");
        m.bytes[at + 1] = (uint8_t)(m.bytes[at + 1] + by);
        put_bytes(&m, "\0\0\0\0\0\0\0\0", 8);
        expect(by == 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_DNS_MALFORMED);
    }
}

static void a_name_that_jumps_into_itself_or_ahead_is_malformed(void **state)
{
    (void)state;
    for (unsigned ahead = 0; ahead < 4; ahead++) {
        begin(&m, 0, 1, ASKED, 33);
        put_record(&m, 33, 300, 8);
        put16(&m, 0);
        put16(&m, 0);
        put16(&m, 1688);
        put16(&m, 0xC000 | (unsigned)(m.len + ahead));
        expect_malformed("SRV record");
    }
}

static void a_name_beyond_255_bytes_is_malformed(void **state)
{
    (void)state;
    char name[300] = "";
    for (int i = 0; i < 5; i++) {
        kms_text_append(name, sizeof name, "%s%050d", i > 0 ? "." : "", i);
    }
    begin(&m, 0, 1, ASKED, 33);
    put_srv(&m, 0, 0, 1688, 300, name);
    expect_malformed("SRV record");
}

static void a_label_of_reserved_kind_is_malformed(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 33, 300, 6 + 3);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    put_bytes(&m, "\x41x\0", 3);
    expect_malformed("SRV record");
}

static void bytes_that_are_not_printable_are_written_as_numbers(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 33, 300, 6 + 6);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 1688);
    put_bytes(&m, "\4a\n.|\0", 6);
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_string_equal(set.srv[0].target, "a\\010\\046|");
    kms_srv_set_done(&set);
}

static void a_time_to_live_with_the_highest_bit_is_zero(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, 1, ASKED, 33);
    put_srv(&m, 0, 0, 1688, UINT32_C(0x80000001), "kms1.kms.lab");
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.srv[0].ttl, 0);
    kms_srv_set_done(&set);
}

static void more_records_than_kept_are_counted(void **state)
{
    (void)state;
    struct kms_srv_set set;
    begin(&m, 0, KMS_SRV_MAX + 7, ASKED, 33);
    for (unsigned i = 0; i < KMS_SRV_MAX + 7; i++) {
        put_srv(&m, i, 0, 1688, 300, "kms1.kms.lab");
    }
    assert_int_equal(read_len(m.len, &set), KMS_OUTCOME_OK);
    assert_int_equal(set.count, KMS_SRV_MAX);
    assert_int_equal(set.left_out, 7);
    kms_srv_set_done(&set);
}

static void every_truncation_is_malformed(void **state)
{
    (void)state;
    begin(&m, 0, 2, ASKED, 33);
    put_srv(&m, 0, 0, 1688, 300, "kms1.kms.lab");
    put_srv(&m, 0, 0, 1688, 300, "kms2.kms.lab");
    expect(KMS_OUTCOME_OK);
    for (size_t len = 0; len < m.len; len++) {
        struct kms_srv_set set = {.srv = NULL};
        assert_int_equal(read_len(len, &set), KMS_OUTCOME_DNS_MALFORMED);
        assert_true(fault.text[0] != '\0');
        assert_null(set.srv);
    }
}

static void addresses_are_gathered_over_both_types(void **state)
{
    (void)state;
    struct kms_dns_addresses found = {.count = 0};
    char text[KMS_ADDRESS_TEXT];
    begin(&m, 0, 1, "kms1.kms.lab", 1);
    put_record(&m, 1, 300, 4);
    put_bytes(&m, "\xc0\0\2\1", 4);
    assert_int_equal(kms_dns_addresses_read(m.bytes, m.len, "kms1.kms.lab", &found, NULL),
                     KMS_OUTCOME_OK);
    begin(&m, 0, 1, "kms1.kms.lab", 28);
    put_record(&m, 28, 200, 16);
    put_bytes(&m, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    assert_int_equal(kms_dns_addresses_read(m.bytes, m.len, "kms1.kms.lab", &found, NULL),
                     KMS_OUTCOME_OK);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.ttl, 200);
    assert_false(found.alias);
    kms_address_text(&found.address[0], text, sizeof text);
    assert_string_equal(text, "192.0.2.1");
    kms_address_text(&found.address[1], text, sizeof text);
    assert_string_equal(text, "2001:db8::1");
}

static void an_address_of_a_wrong_length_is_malformed(void **state)
{
    (void)state;
    struct kms_dns_addresses found = {.count = 0};
    begin(&m, 0, 1, "kms1.kms.lab", 1);
    put_record(&m, 1, 300, 5);
    put_bytes(&m, "\xc0\0\2\1\1", 5);
    assert_int_equal(kms_dns_addresses_read(m.bytes, m.len, "kms1.kms.lab", &found, &fault),
                     KMS_OUTCOME_DNS_MALFORMED);
}

static void names_are_equal_without_case_and_last_dot(void **state)
{
    (void)state;
    assert_true(kms_dns_name_equal("KMS1.kms.lab.", "kms1.kms.lab"));
    assert_true(kms_dns_name_equal(".", "."));
    assert_false(kms_dns_name_equal("kms1", "kms1.kms.lab"));
    assert_false(kms_dns_name_equal(".", ""));
}

static void put_ns(struct message *to, const char *server)
{
    put_record(to, 2, 300, (unsigned)name_len(server));
    put_name(to, server);
}

static void the_servers_of_a_zone_are_read_each_once(void **state)
{
    (void)state;
    struct kms_ns_set set;
    begin(&m, 0, 4, "kms.lab", 2);
    put_ns(&m, "ns1.kms.lab");
    put_ns(&m, "ns2.other.lab");
    put_ns(&m, "NS1.kms.LAB");
    put_record(&m, 1, 300, 4); /* is none */
    put_bytes(&m, "\xc0\0\2\1", 4);
    assert_int_equal(kms_ns_read(m.bytes, m.len, "kms.lab", &set, &fault), KMS_OUTCOME_OK);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.name[0], "ns1.kms.lab");
    assert_string_equal(set.name[1], "ns2.other.lab");
    assert_int_equal(set.left_out, 0);
    for (size_t len = 0; len < m.len; len++) {
        assert_int_equal(kms_ns_read(m.bytes, len, "kms.lab", &set, &fault),
                         KMS_OUTCOME_DNS_MALFORMED);
    }
}

static void servers_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    struct kms_ns_set set;
    begin(&m, 0, KMS_NS_MAX + 3, "kms.lab", 2);
    for (unsigned i = 0; i < KMS_NS_MAX + 3; i++) {
        char server[40];
        kms_text_format(server, sizeof server, "ns%u.kms.lab", i);
        put_ns(&m, server);
    }
    assert_int_equal(kms_ns_read(m.bytes, m.len, "kms.lab", &set, &fault), KMS_OUTCOME_OK);
    assert_int_equal(set.count, KMS_NS_MAX);
    assert_int_equal(set.left_out, 3);
}

/* The servers of the target of an alias are not those of the name. */
static void a_name_without_servers_of_its_own_is_no_zone(void **state)
{
    (void)state;
    struct kms_ns_set set;
    begin(&m, 0, 2, "kms.lab", 2);
    put_record(&m, 5, 300, (unsigned)name_len("other.lab"));
    put_name(&m, "other.lab");
    put_name(&m, "other.lab");
    put16(&m, 2);
    put16(&m, 1);
    put32(&m, 300);
    put16(&m, (unsigned)name_len("ns.other.lab"));
    put_name(&m, "ns.other.lab");
    assert_int_equal(kms_ns_read(m.bytes, m.len, "kms.lab", &set, &fault), KMS_OUTCOME_DNS_NODATA);
}

static void aliases_are_told_also_beside_a_failure(void **state)
{
    (void)state;
    char to[KMS_DNS_NAME_SIZE];
    begin(&m, 0, 1, ASKED, 33);
    put_record(&m, 5, 60, (unsigned)name_len("x.other.lab"));
    put_name(&m, "x.other.lab");
    assert_true(kms_dns_alias_read(m.bytes, m.len, ASKED, to));
    assert_string_equal(to, "x.other.lab");
    assert_false(kms_dns_alias_loops(m.bytes, m.len, ASKED));
    assert_false(kms_dns_alias_read(m.bytes, m.len - 4, ASKED, to));
    begin(&m, 2, 1, ASKED, 33); /* SERVFAIL */
    put_record(&m, 5, 60, 2);
    put16(&m, 0xC00C);
    assert_true(kms_dns_alias_loops(m.bytes, m.len, ASKED));
    assert_false(kms_dns_alias_read(m.bytes, m.len, ASKED, to));
    assert_false(kms_dns_alias_loops(NULL, 0, ASKED));
}

static void an_answer_that_was_cut_is_no_answer(void **state)
{
    (void)state;
    begin(&m, 0, 1, ASKED, 33);
    put_srv(&m, 0, 0, 1688, 300, "kms1.kms.lab");
    m.bytes[2] |= 0x02;
    expect(KMS_OUTCOME_DNS_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_by_priority_then_the_higher_weight),
        cmocka_unit_test(a_target_may_be_compressed),
        cmocka_unit_test(the_same_record_twice_is_marked_whatever_its_case),
        cmocka_unit_test(port_zero_root_and_address_are_flaws),
        cmocka_unit_test(an_ipv6_address_is_no_name_either),
        cmocka_unit_test(a_name_too_long_to_be_written_out_hides_no_other),
        cmocka_unit_test(the_root_alone_says_that_there_is_no_service),
        cmocka_unit_test(aliases_are_followed_in_any_order),
        cmocka_unit_test(an_alias_of_itself_is_a_loop),
        cmocka_unit_test(an_alias_without_records_is_nodata),
        cmocka_unit_test(records_of_another_name_do_not_count),
        cmocka_unit_test(the_answer_to_another_question_is_malformed),
        cmocka_unit_test(a_question_is_no_answer),
        cmocka_unit_test(codes_of_the_server_have_their_outcomes),
        cmocka_unit_test(a_record_of_a_wrong_length_is_malformed),
        cmocka_unit_test(a_name_that_jumps_into_itself_or_ahead_is_malformed),
        cmocka_unit_test(a_name_beyond_255_bytes_is_malformed),
        cmocka_unit_test(a_label_of_reserved_kind_is_malformed),
        cmocka_unit_test(bytes_that_are_not_printable_are_written_as_numbers),
        cmocka_unit_test(a_time_to_live_with_the_highest_bit_is_zero),
        cmocka_unit_test(more_records_than_kept_are_counted),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(addresses_are_gathered_over_both_types),
        cmocka_unit_test(an_address_of_a_wrong_length_is_malformed),
        cmocka_unit_test(names_are_equal_without_case_and_last_dot),
        cmocka_unit_test(the_servers_of_a_zone_are_read_each_once),
        cmocka_unit_test(servers_beyond_the_bound_are_counted),
        cmocka_unit_test(a_name_without_servers_of_its_own_is_no_zone),
        cmocka_unit_test(aliases_are_told_also_beside_a_failure),
        cmocka_unit_test(an_answer_that_was_cut_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
