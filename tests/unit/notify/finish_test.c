/* Notifications near the end: nothing more goes to the master, and what went there is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "agent/notify.h"
#include "base/text.h"
#include "unit/mib/fixture.h"

#define AGENTX_RESPONSE 18
#define NOT_OPEN        257
#define TURNS           2000 /* in vain, of some milliseconds each */

/* The master and the way to it, in the place of agent/agentx.c and of Net-SNMP's sending. */
static struct {
    netsnmp_session session;
    bool is_there;
    void (*changed)(void *arg);
    void *changed_arg;
    netsnmp_callback answer;
    int requests;
} master;

bool kms_agentx_alone(const struct kms_agentx *agentx)
{
    (void)agentx;
    return false;
}

struct snmp_session *kms_agentx_session(const struct kms_agentx *agentx)
{
    (void)agentx;
    return master.is_there ? &master.session : NULL;
}

void kms_agentx_watch(struct kms_agentx *agentx, void (*changed)(void *arg), void *arg)
{
    (void)agentx;
    master.changed = changed;
    master.changed_arg = arg;
}

int snmp_async_send(netsnmp_session *session, netsnmp_pdu *pdu, netsnmp_callback callback,
                    void *arg)
{
    assert_ptr_equal(session, &master.session);
    assert_null(arg);
    snmp_free_pdu(pdu);
    master.answer = callback;
    return ++master.requests;
}

struct bench {
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_log log;
    struct fixture *fixture;
    struct kms_notify *notify;
    size_t taken, refused;
    uint64_t notice; /* the last one that was confirmed */
    size_t quiet;
    size_t confirmed_before_quiet;
};

static void confirmed(void *arg, uint64_t notice, bool taken)
{
    struct bench *b = arg;
    b->notice = notice;
    b->taken += taken ? 1 : 0;
    b->refused += taken ? 0 : 1;
}

static void quiet(void *arg)
{
    struct bench *b = arg;
    b->quiet++;
    b->confirmed_before_quiet = b->taken + b->refused;
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.clock = kms_clock_system(), .fixture = fixture_new()};
    struct bench *b = &bench;
    b->loop = kms_loop_new(&b->clock);
    assert_non_null(b->loop);
    memset(&master, 0, sizeof master);
    master.is_there = true;
    b->log = (struct kms_log){.level = KMS_LOG_ERROR};
    const struct kms_notify_config config = {
        .loop = b->loop, .mib = b->fixture->mib, .log = &b->log, .confirmed = confirmed, .arg = b};
    b->notify = kms_notify_new(&config);
    assert_non_null(b->notify);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    kms_notify_free(b->notify);
    kms_loop_free(b->loop);
    fixture_free(b->fixture);
    return 0;
}

static enum kms_status hand_over(struct bench *b, uint64_t notice)
{
    struct kms_alarm_news news = {.alarm = {.index = (uint32_t)notice,
                                            .type = KMS_ALARM_UNREACHABLE,
                                            .severity = KMS_STATE_CRITICAL,
                                            .row = {2, 1, {7, 0}},
                                            .text = "made up"}};
    return kms_notify_send(b->notify, notice, &news);
}

/* One notification is with the master, and so many wait behind it. */
static void send_one_and(struct bench *b, size_t waiting)
{
    for (size_t i = 0; i <= waiting; i++) {
        assert_int_equal(hand_over(b, 1 + i), KMS_OK);
    }
    for (int i = 0; i < TURNS && master.requests == 0; i++) {
        kms_loop_once(b->loop, 5);
    }
    assert_int_equal(master.requests, 1);
}

static void answer(int operation, long error)
{
    netsnmp_pdu pdu = {.command = AGENTX_RESPONSE, .errstat = error};
    master.answer(operation, &master.session, master.requests, &pdu, NULL);
}

static void turn(struct bench *b)
{
    for (int i = 0; i < 20; i++) {
        kms_loop_once(b->loop, 1);
    }
}

static void wait_quiet(struct bench *b)
{
    for (int i = 0; i < TURNS && b->quiet == 0; i++) {
        kms_loop_once(b->loop, 5);
    }
    turn(b); /* and nothing after it */
    assert_int_equal(b->quiet, 1);
    assert_int_equal(master.requests, 1);
}

static void with_nothing_at_the_master_it_is_quiet_on_the_next_turn(void **state)
{
    struct bench *b = *state;
    master.requests = 1; /* that wait_quiet expects */
    kms_notify_finish(b->notify, quiet, b);
    assert_int_equal(b->quiet, 0);
    wait_quiet(b);
}

static void what_the_master_was_asked_is_confirmed_before_it_is_quiet(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 2);
    kms_notify_finish(b->notify, quiet, b);
    turn(b);
    assert_int_equal(b->quiet, 0); /* as long as the master says nothing */
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, SNMP_ERR_NOERROR);
    wait_quiet(b);
    assert_int_equal(b->taken, 1);
    assert_int_equal(b->notice, 1);
    assert_int_equal(b->confirmed_before_quiet, 1);
}

static void an_answer_that_came_before_counts(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 1);
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, SNMP_ERR_NOERROR);
    kms_notify_finish(b->notify, quiet, b); /* before the loop told its owner */
    wait_quiet(b);
    assert_int_equal(b->taken, 1);
    assert_int_equal(b->confirmed_before_quiet, 1);
}

static void a_refusal_is_an_answer(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 1);
    kms_notify_finish(b->notify, quiet, b);
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, SNMP_ERR_GENERR);
    wait_quiet(b);
    assert_int_equal(b->refused, 1);
    assert_int_equal(b->confirmed_before_quiet, 1);
}

static void what_was_lost_is_not_asked_again(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 1);
    kms_notify_finish(b->notify, quiet, b);
    turn(b);
    assert_int_equal(b->quiet, 0);
    master.is_there = false;
    master.changed(master.changed_arg);
    master.is_there = true;
    master.changed(master.changed_arg);
    wait_quiet(b);
    assert_int_equal(b->taken + b->refused, 0);
}

static void what_no_session_took_or_nobody_answered_is_not_asked_again(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 1);
    kms_notify_finish(b->notify, quiet, b);
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, NOT_OPEN);
    wait_quiet(b);
    assert_int_equal(b->taken + b->refused, 0);
}

static void what_comes_now_stays_with_its_owner(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 0);
    kms_notify_finish(b->notify, quiet, b);
    assert_int_equal(hand_over(b, 2), KMS_EBUSY);
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, SNMP_ERR_NOERROR);
    wait_quiet(b);
    assert_int_equal(hand_over(b, 2), KMS_EBUSY);
    turn(b);
    assert_int_equal(master.requests, 1);
}

static void before_it_the_next_one_goes_when_one_is_confirmed(void **state)
{
    struct bench *b = *state;
    send_one_and(b, 1);
    answer(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, SNMP_ERR_NOERROR);
    for (int i = 0; i < TURNS && master.requests < 2; i++) {
        kms_loop_once(b->loop, 5);
    }
    assert_int_equal(master.requests, 2);
    assert_int_equal(b->taken, 1);
}

int main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        BENCH(with_nothing_at_the_master_it_is_quiet_on_the_next_turn),
        BENCH(what_the_master_was_asked_is_confirmed_before_it_is_quiet),
        BENCH(an_answer_that_came_before_counts),
        BENCH(a_refusal_is_an_answer),
        BENCH(what_was_lost_is_not_asked_again),
        BENCH(what_no_session_took_or_nobody_answered_is_not_asked_again),
        BENCH(what_comes_now_stays_with_its_owner),
        BENCH(before_it_the_next_one_goes_when_one_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
