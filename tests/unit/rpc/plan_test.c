/* What is asked for and when: the product, the interval, one version back, refusals that last until
 * the key changes, and a day that never asks more often than it may. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "rpc/identity.h"
#include "rpc/plan.h"
#include "vocab/hresult.h"
#include "vocab/product.h"

#define START     INT64_C(1763703523)
#define MINUTE    INT64_C(60)
#define DAY       INT64_C(86400)
#define INTERVAL  INT64_C(1800)
#define EPID_2019 "03612-00206-556-123727-03-1033-17763.0000-2972018"
#define EPID_LTSC "03612-00206-571-123727-03-1033-17763.0000-2972018" /* Office LTSC 2021 */
#define EPID_2022 "03612-04573-000-204477-03-1033-14393.0000-1972021"

static const struct kms_product *product(const char *name)
{
    const struct kms_product *found = kms_product_find(NULL, name);
    assert_non_null(found);
    return found;
}

static struct kms_plan_about about_nothing(void)
{
    return (struct kms_plan_about){.interval_s = INTERVAL};
}

/* A host with its memory, and the time there. */
struct host {
    struct kms_memory memory;
    struct kms_plan_about about;
    struct kms_step step;
    int64_t now_s;
};

static struct host new_host(const char *configured)
{
    struct host host = {.about = about_nothing(), .now_s = START};
    host.about.configured = configured ? product(configured) : NULL;
    return host;
}

static bool asks(struct host *host)
{
    host->step = kms_plan_next(&host->memory, &host->about, host->now_s);
    if (host->step.kind == KMS_PLAN_ASK) {
        assert_non_null(host->step.product);
        assert_true(host->step.product->n_policy == 5 || host->step.product->n_policy == 25);
        assert_false(host->step.back);
        return true;
    }
    assert_true(host->step.when_s > host->now_s);
    assert_true(host->step.why[0] != '\0');
    return false;
}

static void assert_asks(struct host *host, const char *name)
{
    if (!asks(host)) {
        fail_msg("does not ask: %s", host->step.why);
    }
    assert_string_equal(host->step.product->name, product(name)->name);
}

static bool give(struct host *host, const struct kms_plan_answer *answer)
{
    kms_plan_begin(&host->memory, &host->step, host->now_s);
    assert_int_equal(host->memory.asked_s, host->now_s);
    assert_int_equal(host->memory.outcome, KMS_OUTCOME_NONE);
    return kms_plan_after(&host->memory, &host->about, &host->step, answer, host->now_s);
}

static bool refuse(struct host *host, uint32_t hresult)
{
    struct kms_plan_answer answer = {.sent = true,
                                     .outcome = KMS_OUTCOME_ACTIVATION_REFUSED,
                                     .hresult = hresult,
                                     .detail = "refused"};
    return give(host, &answer);
}

static void reply(struct host *host, const char *epid, uint32_t count)
{
    struct kms_reply made = {.outcome = KMS_OUTCOME_OK,
                             .count = count,
                             .activation_minutes = 120,
                             .renewal_minutes = 10080,
                             .has_hwid = true,
                             .hwid = {1, 2, 3, 4, 5, 6, 7, 8}};
    kms_text_copy(made.epid, sizeof made.epid, epid);
    struct kms_plan_answer answer = {
        .sent = true, .outcome = KMS_OUTCOME_OK, .reply = &made, .hints = 2};
    assert_false(give(host, &answer));
}

static void wait_interval(struct host *host)
{
    host->now_s += INTERVAL - 1;
    assert_false(asks(host));
    host->now_s++;
}

/* ---- the product ---- */

static void a_host_of_which_nothing_is_known_is_asked_for_the_preset(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_asks(&host, "Windows Server 2008 R2 Standard");
    assert_ptr_equal(host.step.product, kms_product_preset());
    assert_int_equal(host.step.product->protocol, 4);
    assert_int_equal(host.step.product->n_policy, 5);
    assert_null(host.step.refused);
}

static void the_configured_product_comes_first(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2016");
    host.about.key_name = "Windows Server 2022";
    host.about.epid = EPID_2019;
    assert_asks(&host, "Windows Server 2016");
}

static void then_the_key_that_another_source_names(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    host.about.key_name = "Windows Server 2022";
    host.about.epid = EPID_2019;
    assert_asks(&host, "Windows Server 2022");
    host.about.key_name = "Windows Server 2008 R2 C (Datacenter & Itanium)";
    assert_asks(&host, "Windows Server 2008 R2 Standard");
    host.about.key_name = "a key of tomorrow";
    assert_asks(&host, "Windows Server 2019");
}

static void from_the_first_answer_on_the_generation_that_the_epid_tells(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_asks(&host, "Windows Server 2008 R2 Standard");
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2019");
    reply(&host, "55041-00999-111-222222-03-1033-7601.0000-2972018", 10);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2008 R2 Standard"); /* an ePID that tells nothing */
}

static void an_office_host_is_never_asked_for_windows(void **state)
{
    (void)state;
    struct host host = new_host("Office LTSC 2021");
    assert_asks(&host, "Office LTSC 2021");
    assert_false(refuse(&host, KMS_HRESULT_OTHER_KEY));
    for (int i = 0; i < 100; i++) {
        host.now_s += INTERVAL;
        if (asks(&host)) {
            assert_true(kms_guid_equal(&host.step.product->application,
                                       &host.about.configured->application));
            assert_false(refuse(&host, KMS_HRESULT_OTHER_KEY));
        }
    }
}

static void not_even_when_it_knows_no_version_of_office(void **state)
{
    (void)state;
    struct host host = new_host("Office LTSC 2021");
    for (int i = 0; i < 20; i++) {
        assert_true(asks(&host));
        do {
            assert_true(kms_guid_equal(&host.step.product->application,
                                       &host.about.configured->application));
        } while (refuse(&host, KMS_HRESULT_INVALID_DATA));
        host.now_s += INTERVAL;
    }
    host.memory.ceiling = 4; /* learned from Windows, which was configured before */
    assert_asks(&host, "Office 2013");
}

static void what_no_host_can_be_asked_for_is_not_asked_for(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    struct kms_product bad = *host.about.configured;
    host.about.configured = &bad;
    bad.n_policy = 26;
    assert_false(asks(&host));
    assert_non_null(strstr(host.step.why, "configured product"));
    bad.n_policy = 5;
    bad.kind = "retail";
    assert_false(asks(&host));
    bad.kind = "volume";
    bad.protocol = 7;
    assert_false(asks(&host));
    bad.protocol = 6;
    assert_true(asks(&host));
}

/* ---- the interval ---- */

static void the_interval_is_kept_to_the_second(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    host.now_s += INTERVAL - 1;
    assert_false(asks(&host));
    assert_int_equal(host.step.when_s, START + INTERVAL);
    host.now_s++;
    assert_true(asks(&host));
}

static void no_interval_is_shorter_than_15_minutes(void **state)
{
    (void)state;
    static const int64_t intervals[] = {0, -5, 1, 899, 900};
    for (size_t i = 0; i < KMS_COUNT_OF(intervals); i++) {
        struct host host = new_host(NULL);
        host.about.interval_s = intervals[i];
        assert_true(asks(&host));
        refuse(&host, KMS_HRESULT_CLOCK);
        host.now_s += 899;
        assert_false(asks(&host));
        host.now_s++;
        assert_true(asks(&host));
    }
}

static void a_clock_that_was_set_back_neither_blocks_nor_bursts(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    host.now_s -= 400 * DAY;
    assert_false(asks(&host));
    assert_true(host.step.save);
    assert_int_equal(host.step.when_s, host.now_s + INTERVAL);
    host.now_s += INTERVAL - 1;
    assert_false(asks(&host));
    assert_false(host.step.save);
    host.now_s++;
    assert_true(asks(&host));
}

static void a_clock_that_was_set_forward_lets_no_request_out(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    host.about.up_s = 5000;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    host.now_s += DAY;
    host.about.up_s += 60;
    assert_false(asks(&host));
    assert_int_equal(host.step.when_s, host.now_s + 14 * MINUTE);
    host.about.up_s += 14 * MINUTE - 1;
    assert_false(asks(&host));
    host.about.up_s++;
    assert_true(asks(&host));
}

/* A machine without a clock of its own begins in the past, and is told the time later. */
static void nor_does_one_that_was_set_back_by_a_restart_and_forward_again(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    host.about.up_s = 500000;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    host.now_s -= DAY;
    host.about.up_s = 20;
    assert_false(asks(&host));
    assert_true(host.step.save);
    host.now_s += DAY + 2 * MINUTE;
    host.about.up_s += 2 * MINUTE;
    assert_false(asks(&host));
    host.now_s += 13 * MINUTE;
    host.about.up_s += 13 * MINUTE;
    assert_true(asks(&host));
}

static void a_restart_delays_by_no_more_than_the_interval(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    host.about.up_s = 500000;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    host.now_s += INTERVAL;
    host.about.up_s = 30;
    assert_true(asks(&host));
}

static void the_interval_is_from_when_it_was_sent(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    host.about.up_s = 1;
    assert_true(asks(&host));
    kms_plan_begin(&host.memory, &host.step, host.now_s);
    host.now_s += INTERVAL;
    kms_plan_sent(&host.memory, host.now_s, INTERVAL);
    host.about.up_s = INTERVAL;
    assert_false(asks(&host));
    assert_int_equal(host.step.when_s, host.now_s + INTERVAL);
}

static void a_request_that_was_cut_off_counts(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    kms_plan_begin(&host.memory, &host.step, host.now_s);
    host.now_s += INTERVAL - 1;
    assert_false(asks(&host));
    assert_int_equal(host.memory.outcome, KMS_OUTCOME_NONE);
    assert_true(host.memory.detail[0] != '\0');
    host.now_s++;
    assert_true(asks(&host));
}

static void an_attempt_that_sent_nothing_gives_its_turn_back(void **state)
{
    (void)state;
    struct kms_plan_answer answer = {.outcome = KMS_OUTCOME_RPC_REFUSED, .detail = "no\nport"};
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    assert_false(give(&host, &answer));
    assert_int_equal(host.memory.asked_s, 0);
    assert_int_equal(host.memory.tried_s, host.now_s);
    assert_int_equal(host.memory.outcome, KMS_OUTCOME_RPC_REFUSED);
    assert_string_equal(host.memory.detail, "no port");
    host.now_s += MINUTE;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    int64_t asked_s = host.memory.asked_s;
    wait_interval(&host);
    assert_true(asks(&host));
    assert_false(give(&host, &answer));
    assert_int_equal(host.memory.asked_s, asked_s);
    assert_true(asks(&host));
}

/* ---- refusals ---- */

static void a_refused_product_is_not_asked_for_again(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    assert_asks(&host, "Windows Server 2022");
    assert_false(refuse(&host, KMS_HRESULT_OTHER_KEY)); /* nothing more in this poll */
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2008 R2 Standard"); /* the same counter of the host */
    assert_ptr_equal(host.step.refused, host.about.configured);
    reply(&host, EPID_2019, 10);
    for (int i = 0; i < 1000; i++) {
        wait_interval(&host);
        assert_asks(&host, "Windows Server 2019");
        assert_ptr_equal(host.step.refused, host.about.configured);
        reply(&host, EPID_2019, 10);
    }
    assert_int_equal(host.memory.refusal_count, 1);
    assert_string_equal(host.memory.refusal[0].epid, EPID_2019);
}

static void until_the_answer_shows_another_key(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    assert_true(asks(&host));
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    wait_interval(&host);
    assert_true(asks(&host));
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2019");
    reply(&host, EPID_2022, 10);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2022");
    assert_null(host.step.refused);
}

static void or_another_source_tells_another_key(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    host.about.epid = EPID_2019;
    assert_true(asks(&host));
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    assert_string_equal(host.memory.refusal[0].epid, EPID_2019);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2019");
    host.about.epid = EPID_2022;
    assert_asks(&host, "Windows Server 2022");
}

static void but_not_that_of_another_application(void **state)
{
    (void)state;
    struct host host = new_host("Office LTSC 2024");
    host.about.epid = EPID_2019;
    assert_asks(&host, "Office LTSC 2024");
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    wait_interval(&host);
    for (int i = 0; i < 10; i++) { /* the other source falls silent, and comes back */
        host.about.epid = i % 2 ? EPID_2019 : NULL;
        assert_true(asks(&host));
        assert_string_not_equal(host.step.product->name, product("Office LTSC 2024")->name);
        reply(&host, EPID_LTSC, 10);
        host.now_s += INTERVAL;
    }
}

static void an_answer_takes_the_refusal_of_its_product_back(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    host.about.epid = EPID_2019;
    assert_true(asks(&host));
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    host.about.epid = EPID_2022;
    wait_interval(&host);
    assert_true(asks(&host));
    reply(&host, EPID_2022, 10);
    assert_int_equal(host.memory.refusal_count, 0);
}

static void when_everything_is_refused_the_first_choice_is_tried_after_a_week(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    assert_asks(&host, "Windows Server 2022");
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2008 R2 Standard");
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    int64_t when_s = START + KMS_PLAN_REFUSED_S;
    for (host.now_s += INTERVAL; host.now_s < when_s; host.now_s += INTERVAL) {
        assert_false(asks(&host));
        assert_int_equal(host.step.when_s, when_s);
        assert_non_null(strstr(host.step.why, "configure"));
        assert_int_equal(host.memory.hresult, KMS_HRESULT_OTHER_KEY);
    }
    assert_asks(&host, "Windows Server 2022");
    refuse(&host, KMS_HRESULT_OTHER_KEY);
    assert_int_equal(host.memory.refusal_count, 2);
    host.now_s += INTERVAL;
    assert_false(asks(&host));
    host.about.configured = product("Windows Server 2019"); /* another one is free to be asked */
    assert_true(asks(&host));
}

static void the_oldest_refusals_make_room(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2022");
    struct kms_product made = *host.about.configured;
    host.about.configured = &made;
    for (uint8_t i = 0; i < KMS_REFUSALS_MAX + 3; i++) {
        made.counted.wire[0] = i;
        host.step = (struct kms_step){.kind = KMS_PLAN_ASK, .product = &made};
        refuse(&host, KMS_HRESULT_OTHER_KEY);
    }
    assert_int_equal(host.memory.refusal_count, KMS_REFUSALS_MAX);
    assert_int_equal(host.memory.refusal[0].counted.wire[0], 3);
    assert_int_equal(host.memory.refusal[KMS_REFUSALS_MAX - 1].counted.wire[0], 10);
}

/* ---- one version back ---- */

static void an_unknown_version_is_followed_by_one_version_back_once(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_asks(&host, "Windows Server 2019");
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    assert_true(host.step.back);
    assert_int_equal(host.step.kind, KMS_PLAN_ASK);
    assert_int_equal(host.step.product->protocol, 5);
    assert_true(
        kms_guid_equal(&host.step.product->application, &host.about.configured->application));
    assert_null(host.step.refused);
    assert_false(refuse(&host, KMS_HRESULT_INVALID_DATA)); /* at most once in a poll */
    wait_interval(&host);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 4); /* learned */
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 4);
    reply(&host, EPID_2022, 10); /* another key: the host may know more now */
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2019");
}

static void the_version_that_was_answered_is_asked_in_next_time(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    reply(&host, EPID_2019, 10);
    assert_int_equal(host.memory.answer[0].protocol, 5);
    wait_interval(&host);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 5);
}

/* An upgrade in place may keep key and ePID: one extra request a week finds it out. */
static void a_version_that_was_unknown_is_tried_again_after_a_week(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    reply(&host, EPID_2019, 10);
    unsigned twice = 0;
    for (int i = 0; i < 3 * 7 * 48; i++) {
        host.now_s += INTERVAL;
        assert_true(asks(&host));
        if (host.step.product->protocol == 6) {
            twice++;
            assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
        }
        assert_int_equal(host.step.product->protocol, 5);
        reply(&host, EPID_2019, 10);
    }
    assert_int_equal(twice, 3);
    host.now_s += 7 * DAY;
    for (int i = 0; i < 3; i++) {
        assert_asks(&host, "Windows Server 2019");
        reply(&host, EPID_2019, 10);
        host.now_s += INTERVAL;
    }
    assert_int_equal(host.memory.ceiling, 0);
    assert_int_equal(host.memory.ceiling_s, 0);
}

/* What is tried is one version above what the host knows, so that one back is always answered. */
static void from_the_oldest_version_the_way_up_goes_step_by_step(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    assert_false(refuse(&host, KMS_HRESULT_INVALID_DATA));
    host.now_s += 7 * DAY;
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 5);
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    assert_int_equal(host.step.product->protocol, 4);
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 4);
    reply(&host, EPID_2019, 10);
    host.now_s += 7 * DAY; /* and now it was upgraded */
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 5);
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_asks(&host, "Windows Server 2019");
}

static void a_key_that_another_source_tells_lets_it_be_tried_again_too(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    reply(&host, EPID_2019, 10);
    assert_string_equal(host.memory.ceiling_epid, EPID_2019);
    wait_interval(&host);
    host.about.epid = EPID_2022;
    for (int i = 0; i < 20; i++) {
        assert_true(asks(&host));
        assert_int_equal(host.step.product->protocol, i == 0 ? 6 : 5);
        if (i == 0) {
            assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
        }
        reply(&host, EPID_2019, 10);
        host.now_s += INTERVAL;
    }
}

static void a_key_for_each_application_is_no_key_that_changed(void **state)
{
    (void)state;
    static const char *const names[] = {"Windows Server 2019", "Office LTSC 2021"};
    static const char *const epids[] = {EPID_2019, EPID_LTSC};
    struct host host = new_host(NULL);
    unsigned twice = 0;
    for (size_t i = 0; i < 48; i++) {
        host.about.configured = product(names[i % 2]);
        host.about.epid = i % 3 == 0 ? EPID_2019 : NULL;
        assert_true(asks(&host));
        if (host.step.product->protocol > 5) {
            twice++;
            assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
        }
        reply(&host, epids[i % 2], 10);
        host.now_s += INTERVAL;
    }
    assert_int_equal(twice, 1);
}

static void a_host_that_knows_no_version_is_asked_once_a_poll(void **state)
{
    (void)state;
    static const char *const names[] = {"Windows Server 2019", "Office LTSC 2021"};
    for (size_t n = 0; n < KMS_COUNT_OF(names); n++) {
        struct host host = new_host(names[n]);
        unsigned twice = 0;
        for (int i = 0; i < 2 * 7 * 48; i++) {
            assert_true(asks(&host));
            if (refuse(&host, KMS_HRESULT_INVALID_DATA)) {
                twice++;
                assert_false(refuse(&host, KMS_HRESULT_INVALID_DATA));
            }
            host.now_s += INTERVAL;
        }
        assert_int_equal(twice, 2); /* at first, and after a week */
    }
}

static void an_epid_that_changes_all_the_time_lets_nothing_be_tried_again(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    unsigned twice = 0;
    for (int i = 0; i < 6 * 48; i++) {
        char epid[KMS_EPID_MAX];
        kms_text_format(epid, sizeof epid, "03612-00206-556-%06d-03-1033-17763.0000-2972018", i);
        assert_true(asks(&host));
        if (host.step.product->protocol > 5) {
            twice++;
            assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
        }
        reply(&host, epid, 10);
        host.now_s += INTERVAL;
    }
    assert_int_equal(twice, 2); /* at first, and when the ePID changed for the first time */
}

static void the_ceiling_of_an_old_file_is_tried_again_at_once(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    host.memory.ceiling = 5;
    assert_asks(&host, "Windows Server 2019");
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    assert_int_equal(host.memory.ceiling_s, START);
    reply(&host, EPID_2019, 10);
    wait_interval(&host);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 5);
}

static void nothing_is_learned_from_the_oldest_version(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    assert_int_equal(host.step.product->protocol, 4);
    assert_false(refuse(&host, KMS_HRESULT_INVALID_DATA));
    assert_int_equal(host.memory.ceiling, 0);
}

static void no_other_result_is_followed_by_a_request(void **state)
{
    (void)state;
    static const uint32_t results[] = {0xC004F042, 0xC004F06C, 0xC004D104, 0xC004F041,
                                       0x80070005, 0x8007000E, 0x80004005};
    for (size_t i = 0; i < KMS_COUNT_OF(results); i++) {
        struct host host = new_host("Windows Server 2019");
        assert_true(asks(&host));
        assert_false(refuse(&host, results[i]));
        assert_int_equal(host.memory.hresult, results[i]);
        assert_int_equal(host.memory.ceiling, 0);
    }
}

static void the_second_request_that_was_not_sent_leaves_the_first_counted(void **state)
{
    (void)state;
    struct kms_plan_answer answer = {.outcome = KMS_OUTCOME_RPC_REFUSED};
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    assert_true(refuse(&host, KMS_HRESULT_INVALID_DATA));
    host.now_s += 3;
    assert_false(give(&host, &answer));
    assert_int_equal(host.memory.asked_s, START);
    assert_false(asks(&host));
}

/* ---- what is remembered ---- */

static void an_answer_is_remembered_as_it_came(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    assert_true(asks(&host));
    reply(&host, EPID_2019, 26);
    const struct kms_memory *memory = &host.memory;
    assert_int_equal(memory->outcome, KMS_OUTCOME_OK);
    assert_int_equal(memory->hresult, 0);
    assert_int_equal(memory->protocol, 6);
    assert_true(kms_guid_equal(&memory->sku, &host.about.configured->sku));
    assert_int_equal(memory->answer_count, 1);
    assert_int_equal(memory->answer[0].count, 26);
    assert_int_equal(memory->answer[0].wall_s, START);
    assert_int_equal(memory->answer[0].activation_minutes, 120);
    assert_int_equal(memory->answer[0].renewal_minutes, 10080);
    assert_int_equal(memory->answer[0].hwid[7], 8);
    assert_int_equal(memory->answer[0].hints, 2);
    assert_string_equal(memory->answer[0].epid, EPID_2019);
    assert_string_equal(memory->answer[0].epid_before, "");
}

static void an_epid_that_changed_is_remembered_with_its_time(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2016");
    for (int i = 0; i < 4; i++) {
        assert_true(asks(&host));
        reply(&host, i < 2 ? EPID_2019 : EPID_2022, 26);
        host.now_s += INTERVAL;
    }
    assert_string_equal(host.memory.answer[0].epid, EPID_2022);
    assert_string_equal(host.memory.answer[0].epid_before, EPID_2019);
    assert_int_equal(host.memory.answer[0].changed_s, START + 2 * INTERVAL);
}

/* Its place in the host's table lasts as long as requests do not stop for 30 days. */
static void since_when_the_host_counts_the_monitor_is_remembered(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2016");
    for (int i = 0; i < 40; i++) {
        assert_true(asks(&host));
        reply(&host, i % 2 ? EPID_2019 : EPID_2022, 26);
        assert_int_equal(host.memory.answer[0].since_s, START);
        host.now_s += DAY;
    }
    host.now_s += 29 * DAY;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 26);
    assert_int_equal(host.memory.answer[0].since_s, host.now_s);
    host.memory.answer[0].since_s = 0; /* a file of old stays silent */
    host.now_s += DAY;
    assert_true(asks(&host));
    reply(&host, EPID_2019, 26);
    assert_int_equal(host.memory.answer[0].since_s, 0);
}

static void an_epid_of_odd_characters_stays_one_word(void **state)
{
    (void)state;
    struct host host = new_host(NULL);
    assert_true(asks(&host));
    reply(&host, " a b|c", 1);
    assert_string_equal(host.memory.answer[0].epid, "?a?b|c");
    struct kms_buf buf;
    struct kms_memory again;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    assert_int_equal(kms_memory_write(&host.memory, &buf), KMS_OK);
    assert_int_equal(kms_memory_read(kms_buf_str(&buf), buf.len, &again, NULL), KMS_OK);
    kms_buf_done(&buf);
}

static void every_application_has_its_own_answer_youngest_first(void **state)
{
    (void)state;
    static const char *const names[] = {"Windows Server 2019", "Office 2010", "Office LTSC 2021",
                                        "Office 2010", "Windows Server 2019"};
    struct host host = new_host(NULL);
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        host.about.configured = product(names[i]);
        assert_asks(&host, names[i]);
        reply(&host, EPID_2019, (uint32_t)i);
        assert_int_equal(host.memory.answer[0].count, i);
        host.now_s += INTERVAL;
    }
    assert_int_equal(host.memory.answer_count, 3);
    assert_int_equal(host.memory.answer[1].count, 3);
    assert_int_equal(host.memory.answer[2].count, 2);
    struct kms_product made = *host.about.configured; /* a fourth pushes the oldest out */
    made.application.wire[0] = 1;
    host.step = (struct kms_step){.kind = KMS_PLAN_ASK, .product = &made};
    reply(&host, EPID_2019, 9);
    assert_int_equal(host.memory.answer_count, 3);
    assert_int_equal(host.memory.answer[0].count, 9);
    assert_int_equal(host.memory.answer[1].count, 4);
    assert_int_equal(host.memory.answer[2].count, 3);
}

/* Two hosts of the configuration that are one, or the agent and a plugin. */
static void two_askers_for_two_applications_take_turns(void **state)
{
    (void)state;
    static const char *const names[] = {"Windows Server 2019", "Office LTSC 2021"};
    struct host host = new_host(NULL);
    unsigned asked[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        host.about.configured = product(names[i]);
        assert_asks(&host, names[i]);
        reply(&host, EPID_2019, 10);
        host.now_s += INTERVAL;
    }
    int64_t last_s = host.now_s - INTERVAL;
    for (int poll = 0; poll < 48 * 60; poll++) {
        for (size_t i = 0; i < 2; i++) { /* the same one always comes first */
            host.about.configured = product(names[i]);
            if (asks(&host)) {
                assert_true(host.now_s >= last_s + INTERVAL);
                last_s = host.now_s;
                asked[i]++;
                reply(&host, EPID_2019, 10);
            }
        }
        host.now_s += MINUTE / 2;
    }
    assert_int_equal(asked[0], 24);
    assert_int_equal(asked[1], 24);
    host.about.configured = product(names[0]); /* the other asker goes */
    last_s = host.now_s;
    unsigned late = 0;
    for (int poll = 0; poll < 48 * 60; poll++) {
        if (asks(&host)) {
            late += host.now_s - last_s == INTERVAL + KMS_PLAN_YIELD_S ? 1 : 0;
            last_s = host.now_s;
            reply(&host, EPID_2019, 10);
        }
        host.now_s += MINUTE / 2;
    }
    assert_true(late <= 6);
}

/* Neither in the memory, nor behind the outcome's word in the 255 bytes of SNMP. */
static void no_refusal_that_is_known_is_cut(void **state)
{
    (void)state;
    size_t count;
    const struct kms_hresult *rows = kms_hresult_rows(&count);
    const char *word = kms_outcome_row(KMS_OUTCOME_ACTIVATION_REFUSED)->token;
    assert_true(strlen(word) + 2 + KMS_DETAIL_SIZE - 1 <= 255);
    for (size_t i = 0; i < count; i++) {
        char text[1000];
        struct kms_result result;
        struct host host = new_host(NULL);
        struct kms_plan_answer answer = {.sent = true,
                                         .outcome = KMS_OUTCOME_ACTIVATION_REFUSED,
                                         .hresult = rows[i].code,
                                         .detail = text};
        kms_hresult_text(rows[i].code, text, sizeof text);
        assert_true(asks(&host));
        (void)give(&host, &answer);
        assert_int_equal(kms_memory_result(&host.memory, INTERVAL, host.now_s, &result), KMS_OK);
        assert_string_equal(result.detail, text);
        kms_result_done(&result);
    }
}

static void a_request_says_who_asks_and_nothing_that_could_harm(void **state)
{
    (void)state;
    struct host host = new_host("Windows Server 2019");
    struct kms_guid cmid = {{1, 2, 3}};
    struct kms_ask ask;
    assert_true(asks(&host));
    kms_plan_ask(&host.step, &cmid, "kms-monitor.mon1", START * 1000000 + 5, &ask);
    assert_int_equal(ask.major, 6);
    assert_int_equal(ask.minor, 0);
    assert_int_equal(ask.virtual_machine, 0);
    assert_int_equal(ask.license_status, KMS_LICENSE_LICENSED);
    assert_int_equal(ask.expires_minutes, 180 * 24 * 60);
    assert_int_equal(ask.n_policy, 5);
    assert_true(kms_guid_equal(&ask.cmid, &cmid));
    assert_true(kms_guid_is_zero(&ask.previous_cmid));
    assert_true(kms_guid_equal(&ask.application, &host.about.configured->application));
    assert_true(kms_guid_equal(&ask.counted, &host.about.configured->counted));
    assert_true(kms_guid_equal(&ask.sku, &host.about.configured->sku));
    assert_true(ask.filetime == kms_filetime(START, 5));
    assert_string_equal(ask.workstation, "kms-monitor.mon1");
}

/* ---- long runs ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* A host that answers anything, asked whenever it may be: never two polls within 15 minutes, never
 * more than two requests in a poll, and a memory that can always be read again. */
static void whatever_a_host_answers_the_interval_holds(void **state)
{
    (void)state;
    static const uint32_t results[] = {0xC004F042, 0xC004F06C, 0x8007000D, 0xC004F041};
    static const char *const epids[] = {EPID_2019, EPID_2022, "x", " "};
    static const char *const names[] = {"Windows Server 2022", "Office 2016", "Windows 8"};
    uint32_t seed = 20;
    struct host host = new_host(NULL);
    host.about.interval_s = 1;
    int64_t polled_s = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t dice = next_random(&seed);
        host.now_s += 60 + dice % 400;
        host.about.configured = dice % 7 < 3 ? product(names[dice % 7]) : host.about.configured;
        host.about.epid = dice % 11 == 0 ? epids[dice % 4] : NULL;
        if (!asks(&host)) {
            continue;
        }
        assert_true(host.now_s - polled_s >= KMS_PLAN_INTERVAL_MIN_S);
        polled_s = host.now_s;
        unsigned requests = 0;
        bool again = true;
        while (again) {
            dice = next_random(&seed);
            requests++;
            if (dice % 3 == 0) {
                reply(&host, epids[dice / 3 % 4], dice % 60);
                again = false;
            } else {
                again = refuse(&host, results[dice / 3 % 4]);
            }
        }
        assert_true(requests <= 2);
        struct kms_buf buf;
        struct kms_memory loaded;
        kms_buf_init(&buf, KMS_MEMORY_MAX);
        assert_int_equal(kms_memory_write(&host.memory, &buf), KMS_OK);
        assert_int_equal(kms_memory_read(kms_buf_str(&buf), buf.len, &loaded, NULL), KMS_OK);
        kms_buf_done(&buf);
        host.memory = loaded; /* as after a restart */
    }
    assert_true(polled_s > START);
}

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    kms_text_copy(folder, sizeof folder, "/tmp/kms-plan-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What the host saw. */
struct seen {
    unsigned requests;
    int64_t last_s;
    struct kms_guid cmid;
};

/* One turn of one asker: everything is read from the disk, as after a start. */
static void turn(int64_t now_s, int64_t interval_s, struct seen *seen)
{
    struct kms_plan_about about = {.interval_s = interval_s};
    struct kms_memory_file file;
    struct kms_memory memory;
    struct kms_guid cmid;
    struct kms_ask ask;
    assert_int_equal(kms_identity_open(folder, &cmid, NULL), KMS_OK);
    assert_int_equal(kms_memory_open(folder, "kms1", 1688, &file, NULL), KMS_OK);
    assert_int_equal(kms_memory_lock(&file, NULL), KMS_OK);
    assert_int_equal(kms_memory_load(&file, &memory, NULL), KMS_OK);
    struct kms_step step = kms_plan_next(&memory, &about, now_s);
    if (step.save) {
        assert_int_equal(kms_memory_save(&file, &memory, NULL), KMS_OK);
    }
    if (step.kind == KMS_PLAN_ASK) {
        kms_plan_begin(&memory, &step, now_s);
        assert_int_equal(kms_memory_save(&file, &memory, NULL), KMS_OK);
        kms_plan_ask(&step, &cmid, "kms-monitor", now_s * 1000000, &ask);
        assert_true(seen->requests == 0 || kms_guid_equal(&seen->cmid, &ask.cmid));
        assert_true(seen->requests == 0 || now_s - seen->last_s >= interval_s);
        seen->cmid = ask.cmid;
        seen->last_s = now_s;
        seen->requests++;
        struct kms_plan_answer answer = {.sent = true,
                                         .outcome = KMS_OUTCOME_ACTIVATION_REFUSED,
                                         .hresult = KMS_HRESULT_CLOCK,
                                         .detail = "result 0xC004F06C"};
        assert_false(kms_plan_after(&memory, &about, &step, &answer, now_s));
        /* Now and then the asker ends before it can write down what came of it. */
        if (seen->requests % 5 != 0) {
            assert_int_equal(kms_memory_save(&file, &memory, NULL), KMS_OK);
        }
    }
    kms_memory_close(&file);
}

static void a_day_of_two_askers_keeps_the_interval_and_the_cmid(void **state)
{
    (void)state;
    struct seen seen = {.requests = 0};
    for (int64_t minute = 0; minute < 24 * 60; minute++) {
        turn(START + minute * MINUTE, INTERVAL, &seen);      /* the agent */
        turn(START + minute * MINUTE + 17, INTERVAL, &seen); /* a plugin */
    }
    assert_int_equal(seen.requests, 48);
}

static void a_day_at_the_shortest_interval(void **state)
{
    (void)state;
    struct seen seen = {.requests = 0};
    for (int64_t minute = 0; minute < 24 * 60; minute++) {
        turn(START + minute * MINUTE, KMS_PLAN_INTERVAL_MIN_S, &seen);
    }
    assert_int_equal(seen.requests, 96);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_of_which_nothing_is_known_is_asked_for_the_preset),
        cmocka_unit_test(the_configured_product_comes_first),
        cmocka_unit_test(then_the_key_that_another_source_names),
        cmocka_unit_test(from_the_first_answer_on_the_generation_that_the_epid_tells),
        cmocka_unit_test(an_office_host_is_never_asked_for_windows),
        cmocka_unit_test(not_even_when_it_knows_no_version_of_office),
        cmocka_unit_test(what_no_host_can_be_asked_for_is_not_asked_for),
        cmocka_unit_test(the_interval_is_kept_to_the_second),
        cmocka_unit_test(no_interval_is_shorter_than_15_minutes),
        cmocka_unit_test(a_clock_that_was_set_back_neither_blocks_nor_bursts),
        cmocka_unit_test(a_clock_that_was_set_forward_lets_no_request_out),
        cmocka_unit_test(nor_does_one_that_was_set_back_by_a_restart_and_forward_again),
        cmocka_unit_test(a_restart_delays_by_no_more_than_the_interval),
        cmocka_unit_test(the_interval_is_from_when_it_was_sent),
        cmocka_unit_test(a_request_that_was_cut_off_counts),
        cmocka_unit_test(an_attempt_that_sent_nothing_gives_its_turn_back),
        cmocka_unit_test(a_refused_product_is_not_asked_for_again),
        cmocka_unit_test(until_the_answer_shows_another_key),
        cmocka_unit_test(or_another_source_tells_another_key),
        cmocka_unit_test(but_not_that_of_another_application),
        cmocka_unit_test(an_answer_takes_the_refusal_of_its_product_back),
        cmocka_unit_test(when_everything_is_refused_the_first_choice_is_tried_after_a_week),
        cmocka_unit_test(the_oldest_refusals_make_room),
        cmocka_unit_test(an_unknown_version_is_followed_by_one_version_back_once),
        cmocka_unit_test(the_version_that_was_answered_is_asked_in_next_time),
        cmocka_unit_test(a_version_that_was_unknown_is_tried_again_after_a_week),
        cmocka_unit_test(from_the_oldest_version_the_way_up_goes_step_by_step),
        cmocka_unit_test(a_key_that_another_source_tells_lets_it_be_tried_again_too),
        cmocka_unit_test(a_key_for_each_application_is_no_key_that_changed),
        cmocka_unit_test(a_host_that_knows_no_version_is_asked_once_a_poll),
        cmocka_unit_test(an_epid_that_changes_all_the_time_lets_nothing_be_tried_again),
        cmocka_unit_test(the_ceiling_of_an_old_file_is_tried_again_at_once),
        cmocka_unit_test(nothing_is_learned_from_the_oldest_version),
        cmocka_unit_test(no_other_result_is_followed_by_a_request),
        cmocka_unit_test(the_second_request_that_was_not_sent_leaves_the_first_counted),
        cmocka_unit_test(an_answer_is_remembered_as_it_came),
        cmocka_unit_test(an_epid_that_changed_is_remembered_with_its_time),
        cmocka_unit_test(since_when_the_host_counts_the_monitor_is_remembered),
        cmocka_unit_test(an_epid_of_odd_characters_stays_one_word),
        cmocka_unit_test(every_application_has_its_own_answer_youngest_first),
        cmocka_unit_test(two_askers_for_two_applications_take_turns),
        cmocka_unit_test(no_refusal_that_is_known_is_cut),
        cmocka_unit_test(a_request_says_who_asks_and_nothing_that_could_harm),
        cmocka_unit_test(whatever_a_host_answers_the_interval_holds),
        cmocka_unit_test_setup_teardown(a_day_of_two_askers_keeps_the_interval_and_the_cmid,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_day_at_the_shortest_interval, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
