/* Recorded domains become answers of DNS, lookup by lookup and time by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/course.h"
#include "agent/play_domains.h"
#include "base/text.h"

#define HOUR INT64_C(3600000)

/* ---- courses ---- */

static size_t turn(struct kms_course *course, int64_t gone_ms)
{
    int64_t due_ms;
    return kms_course_turn(course, gone_ms, &due_ms);
}

static void what_is_due_is_told_and_one_time_poll_by_poll(void **state)
{
    (void)state;
    struct kms_course course;
    assert_true(kms_course_init(&course, 4, 0));
    kms_course_add(&course, 0);
    kms_course_add(&course, HOUR);
    kms_course_add(&course, HOUR);
    kms_course_add(&course, 2 * HOUR);
    assert_int_equal(turn(&course, 0), 0);
    assert_int_equal(turn(&course, HOUR - 1), 0);
    assert_int_equal(turn(&course, HOUR), 1);
    assert_int_equal(turn(&course, HOUR + 1), 2);
    assert_int_equal(turn(&course, HOUR + 2), 2);
    assert_int_equal(turn(&course, 50 * HOUR), 3);
    kms_course_done(&course);
}

static void a_course_begins_again(void **state)
{
    (void)state;
    struct kms_course course;
    int64_t due_ms;
    assert_true(kms_course_init(&course, 3, 4 * HOUR));
    kms_course_add(&course, HOUR); /* counts from the beginning */
    kms_course_add(&course, HOUR);
    kms_course_add(&course, 2 * HOUR);
    assert_int_equal(turn(&course, 0), 0);
    assert_int_equal(turn(&course, 1), 1);
    assert_int_equal(turn(&course, 3 * HOUR), 2);
    assert_int_equal(kms_course_turn(&course, 4 * HOUR, &due_ms), 0);
    assert_int_equal(due_ms, 5 * HOUR);
    assert_int_equal(kms_course_turn(&course, 10 * HOUR, &due_ms), 2);
    assert_int_equal(due_ms, 10 * HOUR);
    kms_course_done(&course);
}

/* ---- answers ---- */

struct stage {
    struct kms_recording recording;
    struct kms_play_domains *domains;
};

static void open_stage(struct stage *stage, const char *text)
{
    struct kms_fault fault = {.text = ""};
    if (kms_recording_read(text, strlen(text), true, &stage->recording, &fault) != KMS_OK) {
        fail_msg("line %zu: %s", fault.offset, fault.text);
    }
    stage->domains = kms_play_domains_new(&stage->recording);
    assert_non_null(stage->domains);
}

static void close_stage(struct stage *stage)
{
    kms_play_domains_free(stage->domains);
    kms_recording_done(&stage->recording);
}

static void records_are_put_in_order_and_their_flaws_found_as_ever(void **state)
{
    (void)state;
    struct stage stage;
    struct kms_dns_domain domain;
    open_stage(&stage, "domain \"Example.com\"\nlookup ok\n"
                       "record \"b.example.com\" priority 10\naddress \"192.0.2.2\"\n"
                       "record \"a.example.com\" port 0\ntarget dns-nodata\n"
                       "record \"b.example.com\" priority 10\n"
                       "record \"192.0.2.7\"\n"
                       "end\n");
    kms_play_domains_turn(stage.domains, "example.com", 0, &domain);
    assert_int_equal(domain.outcome, KMS_OUTCOME_OK);
    assert_string_equal(domain.query, "_vlmcs._tcp.example.com");
    assert_int_equal(domain.set.count, 4);
    assert_string_equal(domain.set.srv[0].target, "192.0.2.7");
    assert_int_equal(domain.set.srv[0].flaw, KMS_SRV_ADDRESS);
    assert_int_equal(domain.set.srv[1].flaw, KMS_SRV_NO_PORT);
    assert_int_equal(domain.set.srv[2].flaw, KMS_SRV_SOUND);
    assert_int_equal(domain.set.srv[3].flaw, KMS_SRV_DUPLICATE);
    assert_int_equal(domain.target_count, 2);
    const struct kms_dns_target *target = kms_dns_target_of(&domain, &domain.set.srv[2]);
    char text[KMS_ADDRESS_TEXT];
    assert_int_equal(target->outcome, KMS_OUTCOME_OK);
    assert_int_equal(target->found.count, 1);
    kms_address_text(&target->found.address[0], text, sizeof text);
    assert_string_equal(text, "192.0.2.2");
    target = kms_dns_target_of(&domain, &domain.set.srv[1]);
    assert_int_equal(target->outcome, KMS_OUTCOME_DNS_NODATA);
    kms_dns_domain_done(&domain);
    close_stage(&stage);
}

static void the_only_record_with_the_root_means_no_service(void **state)
{
    (void)state;
    struct stage stage;
    struct kms_dns_domain domain;
    open_stage(&stage, "domain \"a\"\nlookup ok\nrecord \".\"\nend\n");
    kms_play_domains_turn(stage.domains, "a", 0, &domain);
    assert_int_equal(domain.outcome, KMS_OUTCOME_DNS_NO_SERVICE);
    assert_int_equal(domain.set.count, 0);
    kms_dns_domain_done(&domain);
    close_stage(&stage);
}

static void a_failure_is_told_with_a_detail(void **state)
{
    (void)state;
    struct stage stage;
    struct kms_dns_domain domain;
    open_stage(&stage, "domain \"a\"\nlookup dns-servfail\nend\n"
                       "lookup dns-timeout\ndetail \"nobody home\"\nend\n");
    kms_play_domains_turn(stage.domains, "a", 0, &domain);
    assert_int_equal(domain.outcome, KMS_OUTCOME_DNS_SERVFAIL);
    assert_string_equal(domain.detail, "The DNS server could not answer (SERVFAIL), the recording");
    kms_dns_domain_done(&domain);
    kms_play_domains_turn(stage.domains, "a", 0, &domain);
    assert_int_equal(domain.outcome, KMS_OUTCOME_DNS_TIMEOUT);
    assert_string_equal(domain.detail, "nobody home");
    kms_dns_domain_done(&domain);
    kms_play_domains_turn(stage.domains, "b", 0, &domain);
    assert_int_equal(domain.outcome, KMS_OUTCOME_INTERNAL);
    kms_dns_domain_done(&domain);
    close_stage(&stage);
}

static void a_bind_meets_what_was_told_last(void **state)
{
    (void)state;
    struct stage stage;
    struct kms_dns_domain domain;
    open_stage(&stage, "domain \"a\"\n"
                       "lookup ok\nrecord \"x\"\naddress \"192.0.2.1\"\nbind accepted\nend\n"
                       "at 1h\n"
                       "lookup ok\nrecord \"x\"\naddress \"192.0.2.1\"\nbind refused\nend\n"
                       "at 2h\n"
                       "lookup dns-nodata\nend\n");
    assert_int_equal(kms_play_domains_bind(stage.domains, "x", 1688), KMS_RPC_UNKNOWN);
    kms_play_domains_turn(stage.domains, "a", 0, &domain);
    kms_dns_domain_done(&domain);
    assert_int_equal(kms_play_domains_bind(stage.domains, "X", 1688), KMS_RPC_ACCEPTED);
    assert_int_equal(kms_play_domains_bind(stage.domains, "x", 1689), KMS_RPC_UNKNOWN);
    kms_play_domains_turn(stage.domains, "a", HOUR, &domain);
    kms_dns_domain_done(&domain);
    assert_int_equal(kms_play_domains_bind(stage.domains, "x", 1688), KMS_RPC_REFUSED);
    kms_play_domains_turn(stage.domains, "a", 2 * HOUR, &domain);
    kms_dns_domain_done(&domain);
    assert_int_equal(kms_play_domains_bind(stage.domains, "x", 1688), KMS_RPC_REFUSED);
    close_stage(&stage);
}

static void servers_are_told_beside_their_lookup(void **state)
{
    (void)state;
    struct stage stage;
    struct kms_dns_domain domain;
    struct kms_zone_servers servers;
    open_stage(&stage, "domain \"a\"\n"
                       "lookup dns-nodata\nservers agree\nend\n"
                       "lookup dns-nodata\nservers differ \"one lacks it\"\nend\n"
                       "lookup dns-nodata\nservers resolver-differs\nend\n"
                       "lookup dns-nodata\nend\n");
    static const struct {
        bool told, differ, disagree;
        const char *text;
    } is[] = {{true, false, false, ""},
              {true, true, true, "one lacks it"},
              {true, false, true, ""},
              {false, false, false, ""}};
    assert_false(kms_play_domains_servers(stage.domains, "a", &servers));
    for (size_t i = 0; i < KMS_COUNT_OF(is); i++) {
        kms_play_domains_turn(stage.domains, "a", 0, &domain);
        kms_dns_domain_done(&domain);
        assert_int_equal(kms_play_domains_servers(stage.domains, "a", &servers), is[i].told);
        if (is[i].told) {
            assert_true(servers.known);
            assert_int_equal(servers.differ, is[i].differ);
            assert_int_equal(servers.disagree, is[i].disagree);
            assert_string_equal(servers.text, is[i].text);
        }
    }
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_is_told_and_one_time_poll_by_poll),
        cmocka_unit_test(a_course_begins_again),
        cmocka_unit_test(records_are_put_in_order_and_their_flaws_found_as_ever),
        cmocka_unit_test(the_only_record_with_the_root_means_no_service),
        cmocka_unit_test(a_failure_is_told_with_a_detail),
        cmocka_unit_test(a_bind_meets_what_was_told_last),
        cmocka_unit_test(servers_are_told_beside_their_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
