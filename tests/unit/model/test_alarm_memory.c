/* Memory that runs out now and then: raises and clears alternate all the same, and what was missed
 * is found by the polls that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/alarm.h"
#include "unit/scarce.h"

#define THINGS 200

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

struct watch {
    bool raised[THINGS];
    uint32_t last;
};

static void take(void *arg, const struct kms_alarm_news *news)
{
    struct watch *watch = arg;
    uint64_t thing;
    assert_true(kms_text_u64(news->alarm.object, &thing) && thing < THINGS);
    assert_int_equal(watch->raised[thing], news->cleared);
    watch->raised[thing] = !news->cleared;
    if (!news->cleared) {
        assert_true(news->alarm.index > watch->last);
        watch->last = news->alarm.index;
    }
}

static enum kms_status poll(struct kms_alarms *alarms, size_t thing, bool wrong)
{
    char subject[32];
    char object[32];
    kms_text_format(subject, sizeof subject, "host %zu", thing / 4);
    kms_text_format(object, sizeof object, "%zu", thing);
    const struct kms_alarm_condition condition = {.type = KMS_ALARM_KEY,
                                                  .owner = "kms1",
                                                  .object = object,
                                                  .row = {3, 1, {1, 0}},
                                                  .severity = wrong ? KMS_STATE_CRITICAL
                                                                    : KMS_STATE_OK,
                                                  .polled = true,
                                                  .text = wrong ? "wrong" : "right"};
    const struct kms_alarm_update update = {
        .subject = subject, .now_s = 1, .condition = &condition, .count = 1};
    return kms_alarms_update(alarms, &update);
}

static void raises_and_clears_alternate_whatever_fails(void **state)
{
    (void)state;
    struct kms_alarm_policy policy = {0};
    policy.type[KMS_ALARM_KEY] = (struct kms_alarm_rule){.enabled = true, .confirm = 2};
    struct watch watch = {0};
    struct kms_alarms *alarms = kms_alarms_new(&policy, take, &watch);
    assert_non_null(alarms);
    size_t failures = 0;
    scarce_now_and_then();
    for (size_t i = 0; i < 40000; i++) {
        failures += poll(alarms, draw(THINGS), draw(5) != 0) != KMS_OK ? 1 : 0;
    }
    scarce_over();
    assert_true(failures > 100);
    for (size_t thing = 0; thing < THINGS; thing++) {
        assert_int_equal(poll(alarms, thing, true), KMS_OK);
        assert_int_equal(poll(alarms, thing, true), KMS_OK);
    }
    assert_int_equal(kms_alarms_count(alarms), THINGS);
    scarce_now_and_then(); /* a clear needs no memory */
    for (size_t thing = 0; thing < THINGS; thing++) {
        assert_int_equal(poll(alarms, thing, false), KMS_OK);
        assert_int_equal(poll(alarms, thing, false), KMS_OK);
    }
    scarce_over();
    assert_int_equal(kms_alarms_count(alarms), 0);
    kms_alarms_free(alarms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_and_clears_alternate_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
