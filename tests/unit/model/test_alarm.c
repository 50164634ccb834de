/* Alarms: raised once and cleared once, confirmed by polls, frozen where nothing can be told, and
 * the same after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/alarm.h"

#define NEWS_MAX 64

struct stage {
    struct kms_alarms *alarms;
    struct kms_alarm_news news[NEWS_MAX];
    size_t count;
};

static void take(void *arg, const struct kms_alarm_news *news)
{
    struct stage *stage = arg;
    assert_true(stage->count < NEWS_MAX);
    stage->news[stage->count++] = *news;
}

static struct kms_alarm_policy policy_of(uint32_t confirm)
{
    struct kms_alarm_policy policy = {0};
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        policy.type[i] = (struct kms_alarm_rule){.enabled = true, .confirm = confirm};
    }
    return policy;
}

static void open_stage(struct stage *stage, uint32_t confirm)
{
    *stage = (struct stage){0};
    struct kms_alarm_policy policy = policy_of(confirm);
    stage->alarms = kms_alarms_new(&policy, take, stage);
    assert_non_null(stage->alarms);
}

static void close_stage(struct stage *stage)
{
    kms_alarms_free(stage->alarms);
}

static struct kms_alarm_condition key_condition(enum kms_state severity)
{
    return (struct kms_alarm_condition){.type = KMS_ALARM_KEY,
                                        .owner = "kms1",
                                        .object = "key A",
                                        .row = {.table = 3, .len = 2, .index = {7, 1}},
                                        .severity = severity,
                                        .polled = true,
                                        .text = severity == KMS_STATE_OK ? "licensed"
                                                                         : "notification"};
}

static void update_with(struct stage *stage, const struct kms_alarm_condition *condition,
                        size_t count, uint32_t unsure)
{
    const struct kms_alarm_update update = {.subject = "host kms1",
                                            .now_s = 1000 + (int64_t)stage->count,
                                            .types = UINT32_MAX,
                                            .unsure = unsure,
                                            .polled = UINT32_MAX,
                                            .condition = condition,
                                            .count = count};
    assert_int_equal(kms_alarms_update(stage->alarms, &update), KMS_OK);
}

static void poll(struct stage *stage, enum kms_state severity)
{
    struct kms_alarm_condition condition = key_condition(severity);
    update_with(stage, &condition, 1, 0);
}

static void a_state_that_holds_is_raised_once_and_cleared_once(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.count, 0);
    assert_int_equal(kms_alarms_count(stage.alarms), 0);
    poll(&stage, KMS_STATE_CRITICAL);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.count, 1);
    assert_false(stage.news[0].cleared);
    assert_int_equal(stage.news[0].alarm.index, 1);
    assert_string_equal(stage.news[0].alarm.owner, "kms1");
    assert_string_equal(stage.news[0].alarm.object, "key A");
    assert_string_equal(stage.news[0].alarm.text, "notification");
    assert_int_equal(kms_alarms_count(stage.alarms), 1);
    assert_int_equal(kms_alarms_at(stage.alarms, 0)->row.index[0], 7);
    poll(&stage, KMS_STATE_OK);
    assert_int_equal(stage.count, 1);
    poll(&stage, KMS_STATE_OK);
    poll(&stage, KMS_STATE_OK);
    assert_int_equal(stage.count, 2);
    assert_true(stage.news[1].cleared);
    assert_int_equal(stage.news[1].alarm.index, 1);
    assert_int_equal(stage.news[1].alarm.severity, KMS_STATE_OK);
    assert_string_equal(stage.news[1].alarm.text, "licensed");
    assert_int_equal(kms_alarms_count(stage.alarms), 0);
    close_stage(&stage);
}

static void flapping_raises_nothing_and_clears_nothing(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    for (int i = 0; i < 20; i++) {
        poll(&stage, i % 2 ? KMS_STATE_OK : KMS_STATE_WARNING);
    }
    assert_int_equal(stage.count, 0);
    assert_false(kms_alarms_tracks_any(stage.alarms, "host kms1"));
    poll(&stage, KMS_STATE_WARNING);
    poll(&stage, KMS_STATE_WARNING);
    assert_int_equal(stage.count, 1);
    for (int i = 0; i < 20; i++) {
        poll(&stage, i % 2 ? KMS_STATE_WARNING : KMS_STATE_OK);
    }
    assert_int_equal(stage.count, 1);
    close_stage(&stage);
}

static void what_is_no_poll_confirms_nothing(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    struct kms_alarm_condition condition = key_condition(KMS_STATE_CRITICAL);
    poll(&stage, KMS_STATE_CRITICAL);
    condition.polled = false;
    update_with(&stage, &condition, 1, 0);
    update_with(&stage, &condition, 1, 0);
    assert_int_equal(stage.count, 0);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.count, 1);
    close_stage(&stage);
}

static void a_worse_state_updates_the_table_and_is_no_news(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 1);
    poll(&stage, KMS_STATE_WARNING);
    uint64_t shape = kms_alarms_shape(stage.alarms);
    struct kms_alarm_condition condition = key_condition(KMS_STATE_CRITICAL);
    condition.text = "worse";
    update_with(&stage, &condition, 1, 0);
    assert_int_equal(stage.count, 1);
    assert_int_equal(kms_alarms_shape(stage.alarms), shape);
    assert_int_equal(kms_alarms_find(stage.alarms, 1)->severity, KMS_STATE_CRITICAL);
    assert_string_equal(kms_alarms_find(stage.alarms, 1)->text, "worse");
    close_stage(&stage);
}

static void what_cannot_be_told_is_neither_raised_nor_cleared_and_judged_afresh(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    struct kms_alarm_condition frozen = key_condition(KMS_STATE_CRITICAL);
    frozen.frozen = true;
    poll(&stage, KMS_STATE_CRITICAL);
    update_with(&stage, &frozen, 1, 0);
    poll(&stage, KMS_STATE_CRITICAL); /* the first again */
    assert_int_equal(stage.count, 0);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.count, 1);
    poll(&stage, KMS_STATE_OK);
    for (int i = 0; i < 5; i++) {
        update_with(&stage, &frozen, 1, 0);
        update_with(&stage, NULL, 0, KMS_ALARM_TYPE_BIT(KMS_ALARM_KEY));
    }
    assert_int_equal(stage.count, 1);
    poll(&stage, KMS_STATE_OK);
    assert_int_equal(stage.count, 1);
    poll(&stage, KMS_STATE_OK);
    assert_int_equal(stage.count, 2);
    close_stage(&stage);
}

static void an_object_that_is_gone_clears(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    poll(&stage, KMS_STATE_CRITICAL);
    poll(&stage, KMS_STATE_CRITICAL);
    update_with(&stage, NULL, 0, 0);
    assert_int_equal(stage.count, 1);
    update_with(&stage, NULL, 0, 0);
    assert_int_equal(stage.count, 2);
    assert_true(stage.news[1].cleared);
    assert_string_equal(stage.news[1].alarm.text, "no longer there");
    close_stage(&stage);
}

static bool is_elsewhere(void *arg, const char *subject, enum kms_alarm_type type,
                         const char *object)
{
    (void)type;
    (void)object;
    return strcmp(subject, arg) != 0;
}

static void a_subject_that_is_gone_clears_at_once(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 1);
    poll(&stage, KMS_STATE_CRITICAL);
    char other[] = "host kms2";
    kms_alarms_sweep(stage.alarms, is_elsewhere, other, "gone");
    assert_int_equal(stage.count, 1);
    char ours[] = "host kms1";
    kms_alarms_sweep(stage.alarms, is_elsewhere, ours, "gone");
    assert_int_equal(stage.count, 2);
    assert_string_equal(stage.news[1].alarm.text, "gone");
    poll(&stage, KMS_STATE_CRITICAL);
    kms_alarms_drop(stage.alarms, "host kms1", "gone");
    assert_int_equal(stage.count, 4);
    assert_int_equal(stage.news[2].alarm.index, 2); /* never 1 again */
    close_stage(&stage);
}

static bool is_no_key(void *arg, const char *subject, enum kms_alarm_type type, const char *object)
{
    (void)arg;
    return strcmp(subject, "host kms1") != 0 || type != KMS_ALARM_KEY ||
           strcmp(object, "key A") != 0;
}

static void an_object_that_nobody_tells_clears_at_once_and_the_others_stay(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    struct kms_alarm_condition both[2] = {key_condition(KMS_STATE_CRITICAL),
                                          key_condition(KMS_STATE_WARNING)};
    both[1].object = "key B";
    update_with(&stage, both, 2, 0);
    kms_alarms_sweep(stage.alarms, is_no_key, NULL, "gone"); /* seen wrong once */
    update_with(&stage, both, 2, 0);
    assert_int_equal(stage.count, 1);
    assert_string_equal(stage.news[0].alarm.object, "key B");
    update_with(&stage, both, 2, 0);
    assert_int_equal(stage.count, 2);
    kms_alarms_sweep(stage.alarms, is_no_key, NULL, "gone");
    assert_int_equal(stage.count, 3);
    assert_true(stage.news[2].cleared);
    assert_string_equal(stage.news[2].alarm.object, "key A");
    assert_string_equal(stage.news[2].alarm.text, "gone");
    assert_int_equal(kms_alarms_count(stage.alarms), 1);
    close_stage(&stage);
}

static void an_owner_is_the_same_in_any_case_and_shown_as_it_is_now(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    struct kms_alarm_condition condition = key_condition(KMS_STATE_CRITICAL);
    update_with(&stage, &condition, 1, 0);
    condition.owner = "KMS1";
    update_with(&stage, &condition, 1, 0);
    assert_int_equal(stage.count, 1);
    assert_string_equal(stage.news[0].alarm.owner, "KMS1");
    assert_true(kms_alarms_tracks(stage.alarms, "host kms1", KMS_ALARM_KEY, "kmS1", "key A"));
    condition.owner = "Kms1";
    condition.frozen = true;
    update_with(&stage, &condition, 1, 0);
    assert_int_equal(stage.count, 1);
    assert_int_equal(kms_alarms_count(stage.alarms), 1);
    assert_string_equal(kms_alarms_at(stage.alarms, 0)->owner, "Kms1");
    struct kms_alarm_condition right = key_condition(KMS_STATE_OK);
    right.owner = "kms1";
    update_with(&stage, &right, 1, 0);
    update_with(&stage, &right, 1, 0);
    assert_int_equal(stage.count, 2);
    assert_int_equal(stage.news[1].alarm.index, 1);
    assert_string_equal(stage.news[1].alarm.owner, "kms1");
    close_stage(&stage);
}

static void a_type_that_is_switched_off_clears_and_raises_nothing(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 1);
    poll(&stage, KMS_STATE_CRITICAL);
    struct kms_alarm_policy policy = policy_of(1);
    policy.type[KMS_ALARM_KEY].enabled = false;
    kms_alarms_set_policy(stage.alarms, &policy, "off");
    assert_int_equal(stage.count, 2);
    assert_true(stage.news[1].cleared);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.count, 2);
    close_stage(&stage);
}

/* ---- as text ---- */

static void export_into(const struct kms_alarms *from, uint32_t index, struct kms_alarms *to)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    struct kms_fault fault = {0};
    assert_int_equal(kms_alarms_export(from, index, &buf), KMS_OK);
    enum kms_status status = kms_alarms_import(to, kms_buf_str(&buf), buf.len, &fault);
    assert_string_equal(fault.text, "");
    assert_int_equal(status, KMS_OK);
    assert_int_equal(kms_alarms_import(to, kms_buf_str(&buf), buf.len, &fault), KMS_ESYNTAX);
    kms_buf_done(&buf);
}

static void an_alarm_is_the_same_after_a_restart_and_clears_when_it_is_mended(void **state)
{
    (void)state;
    struct stage before;
    struct stage after;
    open_stage(&before, 1);
    open_stage(&after, 2);
    poll(&before, KMS_STATE_CRITICAL);
    poll(&before, KMS_STATE_OK);
    poll(&before, KMS_STATE_CRITICAL);
    kms_alarms_suppress(before.alarms, 2);
    export_into(before.alarms, 2, after.alarms);
    const struct kms_alarm_view *was = kms_alarms_find(before.alarms, 2);
    const struct kms_alarm_view *is = kms_alarms_find(after.alarms, 2);
    assert_non_null(is);
    assert_int_equal(is->since_s, was->since_s);
    assert_int_equal(is->severity, KMS_STATE_CRITICAL);
    assert_string_equal(is->text, was->text);
    assert_memory_equal(&is->row, &was->row, sizeof is->row);
    assert_true(is->suppressed);
    assert_int_equal(kms_alarms_next(after.alarms), 3);
    for (int i = 0; i < 5; i++) {
        poll(&after, KMS_STATE_CRITICAL);
    }
    assert_int_equal(after.count, 0);
    poll(&after, KMS_STATE_OK);
    poll(&after, KMS_STATE_OK);
    assert_int_equal(after.count, 1);
    assert_true(after.news[0].cleared);
    assert_true(after.news[0].alarm.suppressed);
    assert_int_equal(after.news[0].alarm.index, 2);
    close_stage(&before);
    close_stage(&after);
}

/* Every prefix and every line left out, doubled or bent. */
static void what_is_not_whole_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    struct stage other;
    open_stage(&stage, 1);
    open_stage(&other, 1);
    poll(&stage, KMS_STATE_CRITICAL);
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    assert_int_equal(kms_alarms_export(stage.alarms, 1, &buf), KMS_OK);
    const char *text = kms_buf_str(&buf);
    for (size_t len = 0; len + 14 < buf.len; len++) { /* without all of the last line's value */
        struct kms_fault fault = {0};
        assert_int_equal(kms_alarms_import(other.alarms, text, len, &fault), KMS_ESYNTAX);
        assert_true(fault.text[0] != '\0');
    }
    static const char *const bent[][2] = {
        {"index 1\n", "index 0\n"},           {"index 1\n", "index 4294967296\n"},
        {"index 1\n", "index 1\nindex 1\n"},  {"type keyNotLicensed", "type keyLost"},
        {"severity critical", "severity ok"}, {"row 3 2 7 1", "row 3 2 7"},
        {"row 3 2 7 1", "row 3 2 7 1 1"},     {"row 3 2 7 1", "row 0 2 7 1"},
        {"row 3 2 7 1", "row 3 3 7 1"},       {"owner kms1", "owner "},
        {"owner kms1", "owner \xff\xfe"},     {"suppressed 0", "suppressed 2"},
        {"cleared 0", "cleared 1"},           {"since 1000", "since -1"},
        {"subject host kms1", "subject "},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(bent); i++) {
        char made[KMS_ALARM_RECORD_SIZE];
        const char *at = strstr(text, bent[i][0]);
        assert_non_null(at);
        kms_text_format(made, sizeof made, "%.*s%s%s", (int)(at - text), text, bent[i][1],
                        at + strlen(bent[i][0]));
        if (kms_alarms_import(other.alarms, made, strlen(made), NULL) != KMS_ESYNTAX) {
            fail_msg("'%s' was taken", bent[i][1]);
        }
    }
    assert_int_equal(kms_alarms_count(other.alarms), 0);
    kms_buf_done(&buf);
    close_stage(&stage);
    close_stage(&other);
}

static void news_read_back_as_they_were_written(void **state)
{
    (void)state;
    struct kms_alarm_news news = {.cleared = true,
                                  .alarm = {.index = UINT32_MAX,
                                            .type = KMS_ALARM_ROGUE,
                                            .severity = KMS_STATE_OK,
                                            .owner = "example.com",
                                            .object = "record a b:1688",
                                            .row = {6, 2, {1, 2}},
                                            .since_s = INT64_MAX,
                                            .text = "100 % fine, gr\xc3\xbc\xc3\x9f"}};
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    assert_int_equal(kms_alarm_news_write(&news, &buf), KMS_OK);
    struct kms_alarm_news read;
    memset(&read, 0, sizeof read);
    assert_int_equal(kms_alarm_news_read(kms_buf_str(&buf), buf.len, &read, NULL), KMS_OK);
    assert_true(read.cleared);
    assert_int_equal(read.alarm.index, news.alarm.index);
    assert_int_equal(read.alarm.since_s, news.alarm.since_s);
    assert_string_equal(read.alarm.object, news.alarm.object);
    assert_string_equal(read.alarm.text, news.alarm.text);
    kms_buf_done(&buf);
}

static void a_name_with_a_line_break_makes_no_line(void **state)
{
    (void)state;
    struct kms_alarm_news news = {.alarm = {.index = 1,
                                            .type = KMS_ALARM_KEY,
                                            .severity = KMS_STATE_WARNING,
                                            .owner = "a\nindex 9",
                                            .row = {3, 1, {1, 0}}}};
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    assert_int_equal(kms_alarm_news_write(&news, &buf), KMS_OK);
    struct kms_alarm_news read;
    assert_int_equal(kms_alarm_news_read(kms_buf_str(&buf), buf.len, &read, NULL), KMS_OK);
    assert_int_equal(read.alarm.index, 1);
    assert_string_equal(read.alarm.owner, "a?index 9");
    kms_buf_done(&buf);
}

static void whatever_is_in_a_text_is_read_back(void **state)
{
    (void)state;
    struct kms_alarm_news news = {.alarm = {.index = 1,
                                            .type = KMS_ALARM_KEY,
                                            .severity = KMS_STATE_WARNING,
                                            .owner = "a",
                                            .row = {3, 1, {1, 0}},
                                            .text = "Schl\xC3\xBCssel \xEF\xBF\xBD \xFF \xC3"}};
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    assert_int_equal(kms_alarm_news_write(&news, &buf), KMS_OK);
    struct kms_alarm_news read;
    assert_int_equal(kms_alarm_news_read(kms_buf_str(&buf), buf.len, &read, NULL), KMS_OK);
    assert_string_equal(read.alarm.text, "Schl\xC3\xBCssel ? ? ?");
    kms_buf_done(&buf);
}

static void the_numbers_end_and_none_comes_twice(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 1);
    kms_alarms_begin_at(stage.alarms, UINT32_MAX);
    kms_alarms_begin_at(stage.alarms, 5);
    poll(&stage, KMS_STATE_CRITICAL);
    assert_int_equal(stage.news[0].alarm.index, UINT32_MAX);
    poll(&stage, KMS_STATE_OK);
    for (int i = 0; i < 5; i++) {
        poll(&stage, KMS_STATE_CRITICAL);
    }
    assert_int_equal(stage.count, 2);
    assert_int_equal(kms_alarms_next(stage.alarms), 0);
    close_stage(&stage);
}

static enum kms_status find_wrong(struct stage *stage, const char *subject)
{
    struct kms_alarm_condition condition = key_condition(KMS_STATE_WARNING);
    const struct kms_alarm_update update = {
        .subject = subject, .types = 0, .condition = &condition, .count = 1};
    return kms_alarms_update(stage->alarms, &update);
}

static void there_is_a_bound(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 2);
    char subject[32];
    for (int i = 0; i < KMS_ALARMS_MAX; i++) {
        kms_text_format(subject, sizeof subject, "host %d", i);
        assert_int_equal(find_wrong(&stage, subject), KMS_OK);
    }
    assert_int_equal(find_wrong(&stage, "one more"), KMS_ETOOBIG);
    assert_false(kms_alarms_tracks_any(stage.alarms, "one more"));
    assert_true(kms_alarms_tracks(stage.alarms, "host 9", KMS_ALARM_KEY, "kms1", "key A"));
    assert_int_equal(find_wrong(&stage, "host 9"), KMS_OK);
    assert_int_equal(stage.count, 1);
    close_stage(&stage);
}

/* ---- random days, against what the rules say of each object alone ---- */

#define SUBJECTS 4
#define TYPES    3
#define OBJECTS  3
#define THINGS   ((size_t)SUBJECTS * TYPES * OBJECTS)
#define ROUNDS   6000

/* What the rules say: a raise follows confirm wrong polls in a row, a clear as many right ones, and
 * what cannot be told starts the row again. */
struct thing {
    bool raised;
    char row[KMS_ALARM_CONFIRM_MAX];
    size_t len;
    uint32_t index;
};

struct day {
    uint32_t seed;
    struct kms_alarms *alarms;
    struct kms_alarm_policy policy;
    struct thing thing[THINGS];
    uint32_t last_index;
    size_t raises, clears, restarts;
};

static uint32_t draw(struct day *day, uint32_t below)
{
    day->seed = day->seed * 1664525u + 1013904223u;
    return (day->seed >> 8) % below;
}

static struct thing *thing_of(struct day *day, const char *owner, enum kms_alarm_type type,
                              const char *object)
{
    size_t subject = (size_t)(owner[1] - '0');
    return &day->thing[(subject * TYPES + (size_t)(type - 1)) * OBJECTS +
                       (size_t)(object[1] - '0')];
}

static void watch(void *arg, const struct kms_alarm_news *news)
{
    struct day *day = arg;
    const struct kms_alarm *alarm = &news->alarm;
    struct thing *thing = thing_of(day, alarm->owner, alarm->type, alarm->object);
    assert_int_equal(thing->raised, news->cleared); /* they alternate */
    thing->raised = !news->cleared;
    if (news->cleared) {
        assert_int_equal(alarm->index, thing->index);
        assert_int_equal(alarm->severity, KMS_STATE_OK);
        day->clears++;
    } else {
        assert_true(alarm->index > day->last_index);
        thing->index = day->last_index = alarm->index;
        assert_int_not_equal(alarm->severity, KMS_STATE_OK);
        day->raises++;
    }
}

/* Whether the rules want the thing raised after this. */
static bool follow(struct thing *thing, bool was_raised, uint32_t confirm, char mark)
{
    if (mark == '-') {
        return was_raised;
    }
    if (mark == '?') {
        thing->len = 0;
        return was_raised;
    }
    if (thing->len == sizeof thing->row) {
        memmove(thing->row, thing->row + 1, --thing->len);
    }
    thing->row[thing->len++] = mark;
    char against = was_raised ? 'o' : 'w';
    for (size_t i = 0; i < confirm; i++) {
        if (i >= thing->len || thing->row[thing->len - 1 - i] != against) {
            return was_raised;
        }
    }
    return !was_raised;
}

static void random_update(struct day *day)
{
    char subject[] = "s0";
    size_t s = draw(day, SUBJECTS);
    subject[1] = (char)('0' + s);
    char owner[] = "s0";
    owner[0] = draw(day, 2) ? 's' : 'S'; /* the same one */
    owner[1] = subject[1];
    struct kms_alarm_update update = {.subject = subject,
                                      .now_s = 1,
                                      .types = draw(day, 16),
                                      .unsure = draw(day, 4) ? 0 : draw(day, 16),
                                      .polled = draw(day, 4) ? UINT32_MAX : draw(day, 16)};
    struct kms_alarm_condition condition[TYPES * OBJECTS];
    char object[TYPES * OBJECTS][3];
    bool want[TYPES * OBJECTS];
    for (size_t i = 0; i < KMS_COUNT_OF(condition); i++) {
        enum kms_alarm_type type = (enum kms_alarm_type)(i / OBJECTS + 1);
        uint32_t bit = KMS_ALARM_TYPE_BIT(type);
        kms_text_format(object[i], sizeof object[i], "o%zu", i % OBJECTS);
        struct thing *thing = &day->thing[(s * TYPES + i / OBJECTS) * OBJECTS + i % OBJECTS];
        char mark;
        if (draw(day, 5) == 0) { /* gone */
            mark = !(update.types & bit)   ? '-'
                   : (update.unsure & bit) ? '?'
                   : (update.polled & bit) ? 'o'
                                           : '-';
        } else {
            bool frozen = draw(day, 12) == 0;
            bool polled = draw(day, 6) != 0;
            /* mostly as it was, so that something holds */
            bool wrong = draw(day, 5) == 0 ? draw(day, 2) : thing->raised != (draw(day, 3) == 0);
            condition[update.count++] = (struct kms_alarm_condition){
                .type = type,
                .owner = owner,
                .object = object[i],
                .row = {3, 1, {1, 0}},
                .severity = !wrong         ? KMS_STATE_OK
                            : draw(day, 2) ? KMS_STATE_WARNING
                                           : KMS_STATE_CRITICAL,
                .frozen = frozen,
                .polled = polled,
                .text = wrong ? "wrong" : "right"};
            mark = frozen ? '?' : !polled ? '-' : wrong ? 'w' : 'o';
        }
        want[i] = follow(thing, thing->raised, day->policy.type[type].confirm, mark);
    }
    update.condition = condition;
    assert_int_equal(kms_alarms_update(day->alarms, &update), KMS_OK);
    for (size_t i = 0; i < KMS_COUNT_OF(want); i++) {
        struct thing *thing = &day->thing[(s * TYPES + i / OBJECTS) * OBJECTS + i % OBJECTS];
        assert_int_equal(thing->raised, want[i]);
    }
}

static void random_restart(struct day *day)
{
    struct kms_alarms *made = kms_alarms_new(&day->policy, watch, day);
    assert_non_null(made);
    for (size_t i = 0; i < kms_alarms_count(day->alarms); i++) {
        export_into(day->alarms, kms_alarms_at(day->alarms, i)->index, made);
    }
    kms_alarms_begin_at(made, kms_alarms_next(day->alarms));
    kms_alarms_free(day->alarms);
    day->alarms = made;
    for (size_t i = 0; i < THINGS; i++) {
        day->thing[i].len = 0; /* polls of the process before count no more */
    }
    day->restarts++;
}

/* What is left when nobody tells of one object of one type. */
struct silence {
    char subject[3], object[3];
    enum kms_alarm_type type;
};

static bool is_not_silent(void *arg, const char *subject, enum kms_alarm_type type,
                          const char *object)
{
    const struct silence *silence = arg;
    return type != silence->type || !kms_text_equal(subject, silence->subject) ||
           !kms_text_equal(object, silence->object);
}

static void random_silence(struct day *day)
{
    uint32_t s = draw(day, SUBJECTS), t = draw(day, TYPES), o = draw(day, OBJECTS);
    struct silence silence = {.type = (enum kms_alarm_type)(t + 1)};
    kms_text_format(silence.subject, sizeof silence.subject, "s%u", (unsigned)s);
    kms_text_format(silence.object, sizeof silence.object, "o%u", (unsigned)o);
    struct thing *thing = &day->thing[((size_t)s * TYPES + t) * OBJECTS + o];
    kms_alarms_sweep(day->alarms, is_not_silent, &silence, "silent");
    thing->len = 0;
    assert_false(thing->raised);
    assert_false(kms_alarms_tracks(day->alarms, silence.subject, silence.type, silence.subject,
                                   silence.object));
}

static void check_table(const struct day *day)
{
    size_t raised = 0;
    for (size_t i = 0; i < THINGS; i++) {
        raised += day->thing[i].raised ? 1 : 0;
    }
    assert_int_equal(kms_alarms_count(day->alarms), raised);
    for (size_t i = 1; i < raised; i++) {
        assert_true(kms_alarms_at(day->alarms, i - 1)->index <
                    kms_alarms_at(day->alarms, i)->index);
    }
}

static void random_days_raise_and_clear_by_the_rules(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        struct day day = {.seed = seed * 7919, .policy = policy_of(1 + seed % 4)};
        day.policy.type[2].confirm = 1;
        day.alarms = kms_alarms_new(&day.policy, watch, &day);
        assert_non_null(day.alarms);
        for (size_t i = 0; i < ROUNDS; i++) {
            if (draw(&day, 300) == 0) {
                random_restart(&day);
            } else if (draw(&day, 100) == 0) {
                random_silence(&day);
            } else if (draw(&day, 300) == 0) {
                char subject[] = "s0";
                size_t s = draw(&day, SUBJECTS);
                subject[1] = (char)('0' + s);
                kms_alarms_drop(day.alarms, subject, "gone");
                for (size_t t = 0; t < (size_t)TYPES * OBJECTS; t++) {
                    day.thing[s * TYPES * OBJECTS + t].len = 0;
                    assert_false(day.thing[s * TYPES * OBJECTS + t].raised);
                }
            } else {
                random_update(&day);
            }
            check_table(&day);
        }
        assert_true(day.raises > 100);
        assert_true(day.clears > 100);
        assert_true(day.restarts > 3);
        kms_alarms_free(day.alarms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_holds_is_raised_once_and_cleared_once),
        cmocka_unit_test(flapping_raises_nothing_and_clears_nothing),
        cmocka_unit_test(what_is_no_poll_confirms_nothing),
        cmocka_unit_test(a_worse_state_updates_the_table_and_is_no_news),
        cmocka_unit_test(what_cannot_be_told_is_neither_raised_nor_cleared_and_judged_afresh),
        cmocka_unit_test(an_object_that_is_gone_clears),
        cmocka_unit_test(a_subject_that_is_gone_clears_at_once),
        cmocka_unit_test(an_object_that_nobody_tells_clears_at_once_and_the_others_stay),
        cmocka_unit_test(an_owner_is_the_same_in_any_case_and_shown_as_it_is_now),
        cmocka_unit_test(a_type_that_is_switched_off_clears_and_raises_nothing),
        cmocka_unit_test(an_alarm_is_the_same_after_a_restart_and_clears_when_it_is_mended),
        cmocka_unit_test(what_is_not_whole_is_refused),
        cmocka_unit_test(news_read_back_as_they_were_written),
        cmocka_unit_test(a_name_with_a_line_break_makes_no_line),
        cmocka_unit_test(whatever_is_in_a_text_is_read_back),
        cmocka_unit_test(the_numbers_end_and_none_comes_twice),
        cmocka_unit_test(there_is_a_bound),
        cmocka_unit_test(random_days_raise_and_clear_by_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
