/* What another configuration means to each host, without a file and without a board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/site_diff.h"
#include "base/text.h"

#define RPC    KMS_BIT(KMS_SOURCE_RPC)
#define REPORT KMS_BIT(KMS_SOURCE_REPORT)
#define WSMAN  KMS_BIT(KMS_SOURCE_WSMAN)
#define DNS    KMS_BIT(KMS_SOURCE_DNS)

static char empty[] = "";
static char here[] = "192.0.2.1", there[] = "192.0.2.2";
static char url[] = "/srv/kms.txt", other_url[] = "/srv/other.txt";

/* A host with every source, all texts borrowed. */
static struct kms_target host(char *name)
{
    struct kms_target target = {
        .name = name, .address = here, .port = 1688, .origin = KMS_ORIGIN_CONFIGURED};
    for (int source = 1; source <= KMS_SOURCE_MAX; source++) {
        target.source[source] = (struct kms_source_config){
            .enabled = true, .interval_ms = 60000, .timeout_ms = 10000};
    }
    target.source[KMS_SOURCE_REPORT].url = url;
    return target;
}

static struct kms_site_turn differ(const struct kms_target *was, const struct kms_target *now)
{
    struct kms_site_turn turn = {UINT32_MAX, UINT32_MAX};
    assert_true(kms_site_compare(was, now, &turn));
    return turn;
}

static void a_host_that_is_written_alike_is_the_same(void **state)
{
    (void)state;
    char name[] = "kms1", again[] = "kms1", same_url[] = "/srv/kms.txt", same[] = "192.0.2.1";
    struct kms_target was = host(name), now = host(again);
    now.address = same;
    now.source[KMS_SOURCE_REPORT].url = same_url;
    now.source[KMS_SOURCE_DNS].interval_ms = 1; /* of the dns block, not of the host */
    struct kms_site_turn turn;
    assert_false(kms_site_compare(&was, &now, &turn));
    assert_int_equal(turn.elsewhere, 0);
    assert_int_equal(turn.anew, 0);
}

static void another_address_voids_what_was_found_there_but_not_the_report(void **state)
{
    (void)state;
    char name[] = "kms1";
    struct kms_target was = host(name), now = host(name);
    now.address = there;
    struct kms_site_turn turn = differ(&was, &now);
    assert_true(turn.elsewhere & RPC);
    assert_true(turn.elsewhere & KMS_BIT(KMS_SOURCE_ACTIVATION));
    assert_true(turn.elsewhere & WSMAN);
    assert_false(turn.elsewhere & (REPORT | DNS));
    assert_int_equal(turn.anew, turn.elsewhere);
    /* a name that is the address is the address */
    now = host(here);
    now.address = NULL;
    turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, 0);
}

static void a_port_is_the_place_of_the_sources_that_have_none_of_their_own(void **state)
{
    (void)state;
    char name[] = "kms1";
    struct kms_target was = host(name), now = host(name);
    was.source[KMS_SOURCE_RPC].port = now.source[KMS_SOURCE_RPC].port = 1690;
    now.port = 1689;
    struct kms_site_turn turn = differ(&was, &now);
    assert_false(turn.elsewhere & RPC);
    assert_true(turn.elsewhere & KMS_BIT(KMS_SOURCE_ACTIVATION));
    now = host(name);
    now.source[KMS_SOURCE_RPC].port = 1688; /* what it was asked at, by another word */
    was.source[KMS_SOURCE_RPC].port = 0;
    turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, 0);
}

static void another_way_to_ask_keeps_the_answers(void **state)
{
    (void)state;
    char name[] = "kms1", user[] = "monitor", other[] = "other";
    struct kms_credentials before = {.name = user, .user = user}, after = before;
    struct kms_target was = host(name), now = host(name);
    was.source[KMS_SOURCE_WSMAN].credentials = &before;
    now.source[KMS_SOURCE_WSMAN].credentials = &after;
    now.source[KMS_SOURCE_RPC].ndr64 = true;
    struct kms_site_turn turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, 0);
    assert_int_equal(turn.anew, RPC);
    after.user = other;
    turn = differ(&was, &now);
    assert_int_equal(turn.anew, RPC | WSMAN);
    now = was;
    now.source[KMS_SOURCE_REPORT].url = other_url;
    turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, REPORT);
    assert_int_equal(turn.anew, REPORT);
}

static void what_runs_goes_on_when_only_times_and_wishes_change(void **state)
{
    (void)state;
    char name[] = "kms1", domain[] = "example.com";
    struct kms_target was = host(name), now = host(name);
    now.source[KMS_SOURCE_RPC].interval_ms = 5000;
    now.source[KMS_SOURCE_REPORT].max_age_ms = 1;
    now.classes = KMS_CLASS_BIT(KMS_CLASS_CLIENT);
    now.publish_in = (struct kms_texts){.text = (char *[]){domain}, .count = 1};
    struct kms_site_turn turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, 0);
    assert_int_equal(turn.anew, 0);
}

static void what_a_source_told_goes_with_it(void **state)
{
    (void)state;
    char name[] = "kms1";
    struct kms_target was = host(name), now = host(name);
    now.source[KMS_SOURCE_RPC].enabled = false;
    now.source[KMS_SOURCE_DNS].enabled = false;
    struct kms_site_turn turn = differ(&was, &now);
    assert_int_equal(turn.elsewhere, RPC | DNS);
    assert_int_equal(turn.anew, 0);
    turn = differ(&now, &was); /* and back: there is nothing that it could have told */
    assert_int_equal(turn.elsewhere, 0);
    assert_int_equal(turn.anew, 0);
}

/* ---- lists ---- */

static void hosts_come_go_change_and_stay_by_their_names(void **state)
{
    (void)state;
    char a[] = "alpha", b[] = "Beta", c[] = "gamma", d[] = "delta", e[] = "epsilon";
    char b2[] = "beta", z[] = "zeta";
    const struct kms_target was[] = {host(c), host(b), host(a), host(d)};
    struct kms_target now[] = {host(z), host(d), host(b2), host(e), host(a)};
    now[4].source[KMS_SOURCE_RPC].enabled = false;
    const struct kms_target *was_at[] = {&was[0], &was[1], &was[2], &was[3]};
    struct kms_site_diff diff;
    assert_int_equal(kms_site_diff(was_at, 4, now, 5, &diff), KMS_OK);
    assert_int_equal(diff.removed_count, 1);
    assert_int_equal(diff.removed[0], 0);
    assert_int_equal(diff.added_count, 2);
    assert_int_equal(diff.added[0], 0);
    assert_int_equal(diff.added[1], 3);
    assert_int_equal(diff.unchanged, 1);
    assert_int_equal(diff.changed_count, 2);
    assert_int_equal(diff.changed[0].now, 2); /* another spelling is shown, and nothing is lost */
    assert_int_equal(diff.changed[0].was, 1);
    assert_int_equal(diff.changed[0].turn.elsewhere, 0);
    assert_int_equal(diff.changed[1].now, 4);
    assert_int_equal(diff.changed[1].was, 2);
    assert_int_equal(diff.changed[1].turn.elsewhere, RPC);
    kms_site_diff_done(&diff);
}

static void no_hosts_on_either_side_are_no_trouble(void **state)
{
    (void)state;
    char a[] = "alpha";
    const struct kms_target one = host(a);
    const struct kms_target *one_at[] = {&one};
    struct kms_site_diff diff;
    assert_int_equal(kms_site_diff(NULL, 0, NULL, 0, &diff), KMS_OK);
    assert_int_equal(diff.removed_count + diff.added_count + diff.changed_count, 0);
    kms_site_diff_done(&diff);
    assert_int_equal(kms_site_diff(one_at, 1, NULL, 0, &diff), KMS_OK);
    assert_int_equal(diff.removed_count, 1);
    kms_site_diff_done(&diff);
    assert_int_equal(kms_site_diff(NULL, 0, &one, 1, &diff), KMS_OK);
    assert_int_equal(diff.added_count, 1);
    kms_site_diff_done(&diff);
}

/* ---- what waits for a restart ---- */

static const char *unmoved(const struct kms_site *was, const struct kms_site *now, bool with_port,
                           struct kms_buf *buf)
{
    kms_buf_done(buf);
    kms_buf_init(buf, 256);
    assert_int_equal(kms_site_unmoved(was, now, with_port, buf), KMS_OK);
    return kms_buf_str(buf);
}

static void what_cannot_be_moved_is_named(void **state)
{
    (void)state;
    struct kms_buf buf;
    kms_buf_init(&buf, 256);
    struct kms_site was = {.agentx = here, .state_dir = url, .interval_ms = 1};
    struct kms_site now = {.agentx = here, .state_dir = url, .interval_ms = 2};
    assert_string_equal(unmoved(&was, &now, true, &buf), "");
    now.agentx = there;
    now.state_dir = other_url;
    assert_string_equal(unmoved(&was, &now, true, &buf), "agentx, state-dir");
    now = was;
    now.ping_ms = 5000;
    now.snmp.community = empty;
    assert_string_equal(unmoved(&was, &now, false, &buf), "ping-interval");
    assert_string_equal(unmoved(&was, &now, true, &buf), "ping-interval, snmp");
    kms_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_is_written_alike_is_the_same),
        cmocka_unit_test(another_address_voids_what_was_found_there_but_not_the_report),
        cmocka_unit_test(a_port_is_the_place_of_the_sources_that_have_none_of_their_own),
        cmocka_unit_test(another_way_to_ask_keeps_the_answers),
        cmocka_unit_test(what_runs_goes_on_when_only_times_and_wishes_change),
        cmocka_unit_test(what_a_source_told_goes_with_it),
        cmocka_unit_test(hosts_come_go_change_and_stay_by_their_names),
        cmocka_unit_test(no_hosts_on_either_side_are_no_trouble),
        cmocka_unit_test(what_cannot_be_moved_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
