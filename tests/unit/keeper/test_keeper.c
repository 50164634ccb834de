/* What is put reaches the disk once and in its newest form, whoever waits is told, and damage of
 * the store is mended without losing what is in memory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper.h"
#include "agent/keeper_past.h"
#include "base/file.h"
#include "base/text.h"

struct desk {
    char folder[64];
    char path[96];
    struct kms_clock system, clock; /* the second one is that of the loop */
    int64_t shift_us;               /* by which its steady time is ahead */
    struct kms_loop *loop;
    struct kms_worker *worker;
    struct kms_log log;
    struct kms_keeper *keeper;
    int refills;
    int warnings, lines;
    char last[512];
    int answers; /* of tickets */
    enum kms_status status;
    char hours[256];
};

static int64_t mono_us(void *arg)
{
    const struct desk *desk = arg;
    return desk->system.mono_us(desk->system.arg) + desk->shift_us;
}

static int64_t wall_us(void *arg)
{
    const struct desk *desk = arg;
    return desk->system.wall_us(desk->system.arg);
}

static void on_line(void *arg, enum kms_log_level level, const char *line)
{
    struct desk *desk = arg;
    desk->lines++;
    desk->warnings += level == KMS_LOG_WARNING ? 1 : 0;
    kms_text_copy(desk->last, sizeof desk->last, line);
}

static void refill(void *arg)
{
    struct desk *desk = arg;
    desk->refills++;
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_NUMBER, "host a", "1", 1), KMS_OK);
}

static void keeper_open(struct desk *desk)
{
    const struct kms_keeper_config config = {.loop = desk->loop,
                                             .worker = desk->worker,
                                             .log = &desk->log,
                                             .path = desk->path,
                                             .size_max = 1 << 20,
                                             .history_ms = INT64_C(400) * 86400 * 1000,
                                             .refill = refill,
                                             .arg = desk};
    desk->keeper = kms_keeper_open(&config);
    assert_non_null(desk->keeper);
}

static int desk_open(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    desk->system = kms_clock_system();
    desk->clock = (struct kms_clock){.mono_us = mono_us, .wall_us = wall_us, .arg = desk};
    kms_text_copy(desk->folder, sizeof desk->folder, "/tmp/kms-keeper-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    kms_text_format(desk->path, sizeof desk->path, "%s/store", desk->folder);
    desk->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = on_line, .arg = desk};
    desk->loop = kms_loop_new(&desk->clock);
    desk->worker = kms_worker_new(desk->loop, 1);
    assert_non_null(desk->worker);
    keeper_open(desk);
    *state = desk;
    return 0;
}

/* Writing beyond the first bytes of a file fails, or it does not. */
static void let_write(bool can)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = can ? limit.rlim_max : 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int desk_close(void **state)
{
    struct desk *desk = *state;
    let_write(true);
    static const char *const parts[] = {
        "", "-wal", ".corrupt-1", ".corrupt-1-wal", ".corrupt-2", ".corrupt-2-wal"};
    char name[160];
    kms_keeper_close(desk->keeper, 5000);
    kms_worker_free(desk->worker, 5000);
    kms_loop_free(desk->loop);
    for (size_t i = 0; i < KMS_COUNT_OF(parts); i++) {
        kms_text_format(name, sizeof name, "%s%s", desk->path, parts[i]);
        (void)unlink(name);
    }
    assert_int_equal(rmdir(desk->folder), 0);
    free(desk);
    return 0;
}

static void keeper_reopen(struct desk *desk)
{
    kms_keeper_close(desk->keeper, 5000);
    keeper_open(desk);
}

static void put(struct desk *desk, const char *name, const char *text)
{
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_META, name, text, strlen(text)),
                     KMS_OK);
}

static void answered(void *arg, enum kms_status status)
{
    struct desk *desk = arg;
    desk->answers++;
    desk->status = status;
}

/* Turns the loop until so many tickets are answered; the bound is far beyond what a write takes. */
static void await(struct desk *desk, int answers)
{
    for (int i = 0; i < 1000 && desk->answers < answers; i++) {
        kms_loop_once(desk->loop, 20);
    }
    assert_int_equal(desk->answers, answers);
}

static void flush(struct desk *desk, enum kms_status wanted)
{
    int before = desk->answers;
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    assert_int_equal(desk->answers, before); /* never from inside the call */
    await(desk, before + 1);
    assert_int_equal(desk->status, wanted);
}

static void list_row(void *arg, const char *name, const char *bytes, size_t len)
{
    assert_int_equal(kms_buf_addf(arg, "%s=%.*s;", name, (int)len, bytes), KMS_OK);
}

static void expect(struct desk *desk, enum kms_store_kind kind, const char *wanted)
{
    struct kms_buf text;
    kms_buf_init(&text, 1 << 20);
    kms_keeper_each(desk->keeper, kind, list_row, &text);
    assert_string_equal(kms_buf_str(&text), wanted);
    kms_buf_done(&text);
}

static bool is_well(const struct desk *desk)
{
    return kms_keeper_view(desk->keeper).state == KMS_STORE_STATE_OK;
}

/* Where something is wrong, both why and what to do are told, and neither where nothing is. */
static void expect_state(const struct desk *desk, enum kms_store_state wanted)
{
    struct kms_keeper_view view = kms_keeper_view(desk->keeper);
    assert_string_equal(kms_word_label(kms_words_store_state(), (int)view.state),
                        kms_word_label(kms_words_store_state(), (int)wanted));
    assert_int_equal(view.trouble[0] != '\0', wanted != KMS_STORE_STATE_OK);
    assert_int_equal(view.advice[0] != '\0', wanted != KMS_STORE_STATE_OK);
}

static void the_newest_of_each_name_is_there_after_a_restart(void **state)
{
    struct desk *desk = *state;
    put(desk, "b", "1");
    put(desk, "a", "1");
    put(desk, "c", "1");
    put(desk, "b", "2");
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_META, "c"), KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 2);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_META, "a=1;b=2;");
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_META, "a"), KMS_OK);
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_META, "b"), KMS_OK);
    put(desk, "b", "3");
    keeper_reopen(desk);
    expect(desk, KMS_STORE_META, "b=3;");
    assert_int_equal(desk->lines, 0);
}

/* A second process would read the same: the file is asked, not the keeper. */
static void who_flushes_is_told_when_all_is_on_the_disk(void **state)
{
    struct desk *desk = *state;
    flush(desk, KMS_OK); /* nothing was put */
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
    assert_true(kms_keeper_view(desk->keeper).written_s > 0);
    expect_state(desk, KMS_STORE_STATE_OK);
    put(desk, "b", "1");
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    kms_loop_once(desk->loop, 0); /* the write has begun, or is about to */
    put(desk, "c", "1");
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    await(desk, 4);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
}

static void who_was_forgotten_is_not_called(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    struct kms_keeper_ticket *ticket = kms_keeper_flush(desk->keeper, answered, desk);
    struct kms_keeper_ticket *other = kms_keeper_flush(desk->keeper, answered, desk);
    assert_non_null(ticket);
    assert_non_null(other);
    kms_keeper_forget(ticket);
    await(desk, 1);
    flush(desk, KMS_OK);
    assert_int_equal(desk->answers, 2);
    ticket = kms_keeper_flush(desk->keeper, answered, desk);
    assert_non_null(ticket);
    kms_keeper_forget(ticket); /* its answer waits for its turn */
    kms_loop_once(desk->loop, 0);
    assert_int_equal(desk->answers, 2);
}

static void without_anyone_waiting_it_is_written_all_the_same(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    for (int i = 0; i < 1000 && kms_keeper_view(desk->keeper).waiting > 0; i++) {
        kms_loop_once(desk->loop, 20);
    }
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
}

/* ---- damage ---- */

static void spoil(const char *path, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(write(fd, "x", 1), 1);
    }
    assert_int_equal(close(fd), 0);
}

static void a_damaged_store_is_set_aside_at_the_start_and_its_numbers_are_kept(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_NUMBER, "host a", "1", 1), KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt_s, 0);
    kms_keeper_close(desk->keeper, 5000);
    spoil(desk->path, 1000);
    int64_t before_s = kms_clock_wall_s(&desk->clock);
    keeper_open(desk);
    assert_int_equal(desk->warnings, 1);
    assert_non_null(strstr(desk->last, "set aside as"));
    assert_non_null(strstr(desk->last, "with 1 row numbers"));
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 1);
    assert_true(kms_keeper_view(desk->keeper).rebuilt_s >= before_s);
    expect_state(desk, KMS_STORE_STATE_OK);
    expect(desk, KMS_STORE_NUMBER, "host a=1;");
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    assert_int_equal(desk->refills, 0); /* the start fills it */
}

static void a_store_that_is_damaged_while_it_is_used_is_made_anew(void **state)
{
    struct desk *desk = *state;
    put(desk, "kept", "1");
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_ALARM, "9", "old", 3), KMS_OK);
    flush(desk, KMS_OK);
    spoil(desk->path, 20000);
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    assert_int_equal(desk->refills, 1);
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 1);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_NUMBER, "host a=1;");
    expect(desk, KMS_STORE_ALARM, ""); /* nobody put it again */
    struct kms_buf text;
    kms_buf_init(&text, 1024);
    kms_keeper_each(desk->keeper, KMS_STORE_META, list_row, &text);
    assert_non_null(strstr(kms_buf_str(&text), "a=1;"));
    kms_buf_done(&text);
}

static void a_store_that_was_removed_while_it_is_used_is_made_anew(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    assert_int_equal(unlink(desk->path), 0);
    put(desk, "b", "1");
    flush(desk, KMS_OK);
    assert_int_equal(desk->refills, 1);
    assert_int_equal(access(desk->path, F_OK), 0);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_NUMBER, "host a=1;");
    expect(desk, KMS_STORE_META, "b=1;");
}

static void once_settled_nobody_is_asked_to_put_all_again(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    assert_int_equal(unlink(desk->path), 0);
    put(desk, "b", "1");
    kms_keeper_settle(desk->keeper, 5000);
    int before = desk->refills;
    put(desk, "c", "1");
    assert_int_equal(unlink(desk->path) == 0 || errno == ENOENT, 1);
    keeper_reopen(desk);
    assert_int_equal(desk->refills, before);
    struct kms_buf text;
    kms_buf_init(&text, 1024);
    kms_keeper_each(desk->keeper, KMS_STORE_META, list_row, &text);
    assert_non_null(strstr(kms_buf_str(&text), "c=1;")); /* what was put is in the new store */
    kms_buf_done(&text);
}

/* ---- trouble ---- */

static void a_store_that_is_spoilt_again_and_again_is_given_a_rest(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    flush(desk, KMS_OK);
    spoil(desk->path, 20000);
    put(desk, "b", "1");
    flush(desk, KMS_OK);
    expect_state(desk, KMS_STORE_STATE_OK);
    spoil(desk->path, 20000);
    put(desk, "c", "1");
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    for (int i = 0; i < 1000 && is_well(desk); i++) {
        kms_loop_once(desk->loop, 20);
    }
    expect_state(desk, KMS_STORE_STATE_DAMAGED);
    assert_non_null(strstr(kms_keeper_view(desk->keeper).trouble, "again and again"));
    await(desk, 3); /* the rest is over, and all is written */
    assert_int_equal(desk->status, KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 2);
}

static void without_a_place_it_works_in_memory_and_writes_when_there_is_one(void **state)
{
    struct desk *desk = *state;
    char path[96];
    kms_text_copy(path, sizeof path, desk->path);
    kms_keeper_close(desk->keeper, 5000);
    kms_text_format(desk->path, sizeof desk->path, "%s/later/store", desk->folder);
    keeper_open(desk);
    assert_int_equal(desk->warnings, 1);
    assert_non_null(strstr(desk->last, "No such file"));
    assert_non_null(strstr(desk->last, "kept in memory"));
    put(desk, "a", "1");
    flush(desk, KMS_EIO);
    struct kms_keeper_view view = kms_keeper_view(desk->keeper);
    assert_int_equal(view.state, KMS_STORE_STATE_FAILS);
    assert_string_equal(view.advice, kms_keeper_advice(KMS_STORE_STATE_FAILS));
    assert_int_equal(view.waiting, 1);
    assert_non_null(strstr(view.trouble, "No such file"));
    char folder[80];
    kms_text_format(folder, sizeof folder, "%s/later", desk->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (int i = 0; i < 1000 && !is_well(desk); i++) {
        kms_loop_once(desk->loop, 20);
    }
    expect_state(desk, KMS_STORE_STATE_OK);
    assert_int_equal(desk->lines, 2); /* once when it began, once when it was mended */
    assert_string_equal(desk->last, "store: written again");
    assert_int_equal(desk->refills, 1);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_META, "a=1;");
    expect(desk, KMS_STORE_NUMBER, "host a=1;");
    kms_keeper_close(desk->keeper, 5000);
    assert_int_equal(unlink(desk->path), 0);
    assert_int_equal(rmdir(folder), 0);
    kms_text_copy(desk->path, sizeof desk->path, path);
    keeper_open(desk);
}

static void a_store_of_a_newer_release_is_read_and_left_alone(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    kms_keeper_close(desk->keeper, 5000);
    /* user_version is at offset 60 of the file, with the highest byte first. */
    int fd = open(desk->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\x00\x00\x00\x09", 4, 60), 4);
    assert_int_equal(close(fd), 0);
    keeper_open(desk);
    assert_non_null(strstr(desk->last, "newer release (version 9"));
    expect(desk, KMS_STORE_META, "a=1;");
    put(desk, "b", "1");
    flush(desk, KMS_EINVAL);
    expect_state(desk, KMS_STORE_STATE_NEWER);
    kms_keeper_close(desk->keeper, 5000);
    keeper_open(desk);
    expect(desk, KMS_STORE_META, "a=1;");
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 0);
}

static void a_store_that_may_not_be_written_to_is_denied(void **state)
{
    struct desk *desk = *state;
    char path[96];
    kms_text_copy(path, sizeof path, desk->path);
    kms_keeper_close(desk->keeper, 5000);
    kms_text_copy(desk->path, sizeof desk->path, "/sys/kernel/store"); /* whoever asks */
    keeper_open(desk);
    expect_state(desk, KMS_STORE_STATE_DENIED);
    put(desk, "a", "1");
    flush(desk, KMS_EDENIED);
    kms_keeper_close(desk->keeper, 5000);
    kms_text_copy(desk->path, sizeof desk->path, path);
    keeper_open(desk);
    expect_state(desk, KMS_STORE_STATE_OK);
}

/* Every status that a store can give has a state, and every state a word and a next step. */
static void every_failure_has_a_state_with_a_next_step(void **state)
{
    (void)state;
    static const struct {
        enum kms_status status;
        enum kms_store_state state;
    } rows[] = {{KMS_OK, KMS_STORE_STATE_OK},           {KMS_EFULL, KMS_STORE_STATE_FULL},
                {KMS_EDENIED, KMS_STORE_STATE_DENIED},  {KMS_EBUSY, KMS_STORE_STATE_LOCKED},
                {KMS_EINVAL, KMS_STORE_STATE_NEWER},    {KMS_EIO, KMS_STORE_STATE_FAILS},
                {KMS_ETOOBIG, KMS_STORE_STATE_FAILS},   {KMS_ESYNTAX, KMS_STORE_STATE_DAMAGED},
                {KMS_ENOMEM, KMS_STORE_STATE_NO_MEMORY}};
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        assert_int_equal(kms_keeper_state_of(rows[i].status), rows[i].state);
    }
    const struct kms_word_set *words = kms_words_store_state();
    for (size_t i = 0; i < words->count; i++) {
        enum kms_store_state number = (enum kms_store_state)words->words[i].number;
        assert_int_equal(kms_keeper_advice(number)[0] != '\0', number != KMS_STORE_STATE_OK);
    }
}

/* Work that ends when the other end of the pipe is closed. */
static void wait_for_end(void *data)
{
    char byte;
    const int *end = data;
    while (read(*end, &byte, 1) > 0) {
    }
}

static void nothing(void *data)
{
    (void)data;
}

static void a_write_that_does_not_come_back_hangs(void **state)
{
    struct desk *desk = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_non_null(kms_worker_submit(desk->worker, wait_for_end, nothing, &ends[0]));
    put(desk, "a", "1");
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    kms_loop_once(desk->loop, 0); /* the write begins, and waits for the thread */
    expect_state(desk, KMS_STORE_STATE_OK);
    desk->shift_us = INT64_C(61000000);
    expect_state(desk, KMS_STORE_STATE_HANGS);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 1);
    assert_int_equal(close(ends[1]), 0);
    await(desk, 1);
    expect_state(desk, KMS_STORE_STATE_OK);
    assert_int_equal(close(ends[0]), 0);
}

static void what_was_put_and_removed_without_a_disk_waits_for_nothing(void **state)
{
    struct desk *desk = *state;
    char path[96];
    kms_text_copy(path, sizeof path, desk->path);
    kms_keeper_close(desk->keeper, 5000);
    kms_text_format(desk->path, sizeof desk->path, "%s/none/store", desk->folder);
    keeper_open(desk);
    for (int i = 0; i < 10000; i++) {
        char name[16];
        kms_text_format(name, sizeof name, "%06d", i);
        assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_ALARM, name, "1", 1), KMS_OK);
        assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_ALARM, name, "2", 1), KMS_OK);
        assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_ALARM, name), KMS_OK);
    }
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
    kms_keeper_close(desk->keeper, 5000);
    kms_text_copy(desk->path, sizeof desk->path, path);
    keeper_open(desk);
}

static void who_waits_for_what_was_removed_meanwhile_is_answered(void **state)
{
    struct desk *desk = *state;
    put(desk, "a", "1");
    assert_non_null(kms_keeper_flush(desk->keeper, answered, desk));
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_META, "a"), KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0);
    await(desk, 1);
    assert_int_equal(desk->status, KMS_OK);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_META, "");
}

/* ---- against a model ---- */

#define MODEL_KINDS 3
#define MODEL_NAMES 400 /* they are used up one after the other, as numbers of alarms are */
#define MODEL_LIVE  8   /* names that are changed at a time, the newest ones */

struct model {
    uint32_t chance;
    int value[MODEL_KINDS][MODEL_NAMES]; /* 0: removed, or never put */
    int disk[MODEL_KINDS][MODEL_NAMES];  /* as it was when all was on the disk last */
    int next, first_free;
};

static const enum kms_store_kind model_kinds[MODEL_KINDS] = {KMS_STORE_ALARM, KMS_STORE_NOTICE,
                                                             KMS_STORE_WINDOW};

static uint32_t chance(struct model *model, uint32_t below)
{
    model->chance = model->chance * 1664525U + 1013904223U;
    return (model->chance >> 8) % below;
}

static void change_one(struct desk *desk, struct model *model)
{
    uint32_t kind = chance(model, MODEL_KINDS);
    bool fresh = model->first_free < MODEL_LIVE || chance(model, 8) == 0;
    if (fresh && model->first_free < MODEL_NAMES) {
        model->first_free++;
    }
    int at = model->first_free - 1 - (int)chance(model, MODEL_LIVE);
    at = at < 0 ? 0 : at;
    bool put_it = chance(model, 2) == 0;
    char name[16];
    char text[16];
    model->value[kind][at] = put_it ? ++model->next : 0;
    kms_text_format(name, sizeof name, "%04d", at);
    kms_text_format(text, sizeof text, "%d", model->next);
    assert_int_equal(put_it
                         ? kms_keeper_put(desk->keeper, model_kinds[kind], name, text, strlen(text))
                         : kms_keeper_remove(desk->keeper, model_kinds[kind], name),
                     KMS_OK);
}

static void change_some(struct desk *desk, struct model *model)
{
    for (uint32_t i = chance(model, 30); i > 0; i--) {
        change_one(desk, model);
    }
}

/* The keeper's thread does nothing until the end of this pipe is closed. */
struct gate {
    int ends[2];
    bool passed;
};

static void stand_at(void *data)
{
    struct gate *gate = data;
    wait_for_end(&gate->ends[0]);
}

static void pass(void *data)
{
    struct gate *gate = data;
    gate->passed = true;
}

static void close_gate(struct desk *desk, struct gate *gate)
{
    *gate = (struct gate){0};
    assert_int_equal(pipe(gate->ends), 0);
    assert_non_null(kms_worker_submit(desk->worker, stand_at, pass, gate));
}

static void turn_until(struct desk *desk, const bool *over)
{
    for (int i = 0; i < 1000 && !*over; i++) {
        kms_loop_once(desk->loop, 20);
    }
    assert_true(*over);
}

/* What the keeper gave to its thread before comes back first. */
static void open_gate(struct desk *desk, struct gate *gate)
{
    struct gate behind;
    assert_int_equal(close(gate->ends[1]), 0);
    close_gate(desk, &behind);
    assert_int_equal(close(behind.ends[1]), 0);
    turn_until(desk, &gate->passed);
    turn_until(desk, &behind.passed);
    assert_int_equal(close(gate->ends[0]), 0);
    assert_int_equal(close(behind.ends[0]), 0);
}

/* What is put next is written at once. */
static void end_rest(struct desk *desk)
{
    desk->shift_us += INT64_C(120000000);
    put(desk, "rest", "over");
}

/* A write is under way while it is changed. */
static void change_while_written(struct desk *desk, struct model *model)
{
    struct gate gate;
    close_gate(desk, &gate);
    end_rest(desk);
    kms_loop_once(desk->loop, 0);
    change_some(desk, model);
    open_gate(desk, &gate);
}

static void is_on_disk(struct model *model)
{
    memcpy(model->disk, model->value, sizeof model->disk);
}

/* Each record that lives waits once at most, and each removal is of a record that is on the disk.
 */
static void expect_bound(const struct desk *desk, const struct model *model)
{
    uint64_t most = 1; /* what ended the rest */
    for (size_t kind = 0; kind < MODEL_KINDS; kind++) {
        for (size_t i = 0; i < MODEL_NAMES; i++) {
            most += model->value[kind][i] != 0 || model->disk[kind][i] != 0 ? 1 : 0;
        }
    }
    assert_in_range(kms_keeper_view(desk->keeper).waiting, 0, most);
}

static void expect_model(struct desk *desk, const struct model *model)
{
    struct kms_buf text;
    for (size_t kind = 0; kind < MODEL_KINDS; kind++) {
        kms_buf_init(&text, 1 << 20);
        for (size_t i = 0; i < MODEL_NAMES; i++) {
            if (model->value[kind][i] != 0) {
                assert_int_equal(kms_buf_addf(&text, "%04d=%d;", (int)i, model->value[kind][i]),
                                 KMS_OK);
            }
        }
        expect(desk, model_kinds[kind], kms_buf_str(&text));
        kms_buf_done(&text);
    }
}

/* Changes while nothing can be written, between tries, and while each of them is under way. */
static void fail_for_a_while(struct desk *desk, struct model *model)
{
    let_write(false);
    for (uint32_t tries = chance(model, 4); tries > 0; tries--) {
        change_while_written(desk, model);
        expect_bound(desk, model);
        change_some(desk, model);
        expect_bound(desk, model);
    }
    let_write(true);
}

static void write_all(struct desk *desk, struct model *model)
{
    for (int i = 0; i < 1000 && (!is_well(desk) || kms_keeper_view(desk->keeper).waiting > 0);
         i++) {
        end_rest(desk);
        for (int k = 0; k < 50 && kms_keeper_view(desk->keeper).waiting > 0; k++) {
            kms_loop_once(desk->loop, 20);
        }
    }
    flush(desk, KMS_OK);
    is_on_disk(model);
}

static void whatever_fails_meanwhile_the_disk_has_what_was_put_last_and_little_waits(void **state)
{
    struct desk *desk = *state;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    model->chance = 7;
    for (int round = 0; round < 60; round++) {
        change_some(desk, model);
        fail_for_a_while(desk, model);
        if (chance(model, 4) == 0) {
            keeper_reopen(desk);
            expect_model(desk, model);
            is_on_disk(model);
        } else if (chance(model, 2) == 0) {
            write_all(desk, model);
        } else {
            write_all(desk, model);
            change_some(desk, model);
            change_while_written(desk, model);
            write_all(desk, model);
        }
    }
    keeper_reopen(desk);
    expect_model(desk, model);
    assert_int_equal(desk->refills, 0);
    assert_true(model->first_free > 200); /* most of them are gone again */
    (void)signal(SIGXFSZ, before);
    free(model);
}

/* ---- sweeping ---- */

struct sweep {
    int freed;
};

static bool begins_with_old(void *arg, enum kms_store_kind kind, const char *name,
                            const char *bytes, size_t len)
{
    (void)arg;
    assert_true(kind == KMS_STORE_RESULT || kind == KMS_STORE_WINDOW);
    return kms_text_starts(name, "old") && len == 1 && bytes[0] == '1';
}

static void count_free(void *arg)
{
    ((struct sweep *)arg)->freed++;
}

static void put_kind(struct desk *desk, enum kms_store_kind kind, const char *name,
                     const char *text)
{
    assert_int_equal(kms_keeper_put(desk->keeper, kind, name, text, strlen(text)), KMS_OK);
}

static void sweep_away(struct desk *desk, struct sweep *sweep)
{
    const struct kms_keeper_broom broom = {
        .is_over = begins_with_old, .free = count_free, .arg = sweep};
    kms_keeper_sweep(desk->keeper, &broom);
}

/* The end of it is seen by the broom, which is freed after its last turn. */
static void await_free(struct desk *desk, const struct sweep *sweep, int wanted)
{
    for (int i = 0; i < 1000 && sweep->freed < wanted; i++) {
        end_rest(desk);
        kms_loop_once(desk->loop, 20);
    }
    assert_int_equal(sweep->freed, wanted);
    flush(desk, KMS_OK);
}

static void what_is_over_is_swept_however_much_it_is(void **state)
{
    struct desk *desk = *state;
    struct sweep sweep = {.freed = 0};
    for (int i = 0; i < 2 * KMS_KEEPER_SWEEP_MAX + 7; i++) {
        char name[32];
        kms_text_format(name, sizeof name, "old%d", i);
        put_kind(desk, i % 2 ? KMS_STORE_RESULT : KMS_STORE_WINDOW, name, "1");
    }
    put_kind(desk, KMS_STORE_RESULT, "new", "1");
    put_kind(desk, KMS_STORE_WINDOW, "old but other", "2");
    put_kind(desk, KMS_STORE_ALARM, "old", "1");
    flush(desk, KMS_OK);
    sweep_away(desk, &sweep);
    await_free(desk, &sweep, 1);
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_RESULT, "old1"), KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).waiting, 0); /* it is known to be gone */
    keeper_reopen(desk);
    expect(desk, KMS_STORE_RESULT, "new=1;");
    expect(desk, KMS_STORE_WINDOW, "old but other=2;");
    expect(desk, KMS_STORE_ALARM, "old=1;");
}

static void what_is_put_while_it_is_swept_stays(void **state)
{
    struct desk *desk = *state;
    struct sweep sweep = {.freed = 0};
    struct gate gate;
    put_kind(desk, KMS_STORE_RESULT, "old", "1");
    put_kind(desk, KMS_STORE_WINDOW, "old", "1");
    flush(desk, KMS_OK);
    close_gate(desk, &gate);
    sweep_away(desk, &sweep);
    end_rest(desk);
    kms_loop_once(desk->loop, 0);
    put_kind(desk, KMS_STORE_RESULT, "old", "1"); /* and so it waits for the next sweep */
    assert_int_equal(kms_keeper_remove(desk->keeper, KMS_STORE_WINDOW, "old"), KMS_OK);
    open_gate(desk, &gate);
    assert_int_equal(sweep.freed, 1);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_RESULT, "old=1;");
    expect(desk, KMS_STORE_WINDOW, "");
}

static void a_store_that_cannot_be_written_is_swept_later(void **state)
{
    struct desk *desk = *state;
    struct sweep sweep = {.freed = 0};
    struct sweep other = {.freed = 0};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    put_kind(desk, KMS_STORE_RESULT, "old", "1");
    flush(desk, KMS_OK);
    let_write(false);
    sweep_away(desk, &sweep);
    struct gate gate;
    close_gate(desk, &gate);
    end_rest(desk);
    kms_loop_once(desk->loop, 0);
    open_gate(desk, &gate);
    assert_false(is_well(desk));
    assert_int_equal(sweep.freed, 0);
    sweep_away(desk, &other); /* the next day */
    assert_int_equal(sweep.freed, 1);
    let_write(true);
    await_free(desk, &other, 1);
    sweep_away(desk, &sweep);
    keeper_reopen(desk); /* it had no turn */
    assert_int_equal(sweep.freed, 2);
    expect(desk, KMS_STORE_RESULT, "");
    (void)signal(SIGXFSZ, before);
}

/* ---- history ---- */

static void a_store_that_could_not_be_read_at_the_start_is_not_written_over(void **state)
{
    struct desk *desk = *state;
    struct kms_store *other = NULL;
    char aside[128];
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_NUMBER, "host old", "1", 1), KMS_OK);
    kms_keeper_close(desk->keeper, 5000);
    assert_int_equal(kms_store_open(desk->path, &other, NULL), KMS_OK); /* somebody's backup */
    keeper_open(desk);
    expect_state(desk, KMS_STORE_STATE_LOCKED);
    expect(desk, KMS_STORE_NUMBER, "");
    assert_int_equal(kms_keeper_put(desk->keeper, KMS_STORE_NUMBER, "host a", "1", 1), KMS_OK);
    kms_store_close(other);
    for (int i = 0; i < 1000 && !is_well(desk); i++) {
        kms_loop_once(desk->loop, 20);
    }
    flush(desk, KMS_OK);
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 1);
    keeper_reopen(desk);
    expect(desk, KMS_STORE_NUMBER, "host a=1;");
    kms_keeper_close(desk->keeper, 5000);
    kms_text_format(aside, sizeof aside, "%s.corrupt-1", desk->path);
    assert_int_equal(rename(aside, desk->path), 0);
    keeper_open(desk);
    expect(desk, KMS_STORE_NUMBER, "host old=1;");
}

static void take_hours(void *arg, enum kms_status status, const struct kms_history_hour *hour,
                       size_t count)
{
    struct desk *desk = arg;
    desk->answers++;
    desk->status = status;
    desk->hours[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        kms_text_append(desk->hours, sizeof desk->hours, "%s/%s:%lld:%u ", hour[i].host,
                        hour[i].key, (long long)hour[i].hour_s, hour[i].count_last);
    }
}

static void put_hour(struct desk *desk, const char *host, int64_t hour_s, uint32_t count)
{
    struct kms_history_hour hour = {.hour_s = hour_s,
                                    .count_known = true,
                                    .count_last = count,
                                    .count_min = count,
                                    .count_max = count};
    kms_text_copy(hour.host, sizeof hour.host, host);
    kms_text_copy(hour.key, sizeof hour.key, "Windows");
    assert_int_equal(kms_keeper_put_hour(desk->keeper, &hour), KMS_OK);
}

static void hours_are_read_back_with_the_newest_value(void **state)
{
    struct desk *desk = *state;
    int64_t now_s = kms_clock_wall_s(&desk->clock) / 3600 * 3600;
    put_hour(desk, "a", now_s, 20);
    put_hour(desk, "b", now_s, 99);
    put_hour(desk, "a", now_s, 26);
    put_hour(desk, "a", now_s - 3600, 30);
    flush(desk, KMS_OK);
    assert_non_null(kms_keeper_hours(desk->keeper, "a", 0, INT64_MAX, take_hours, desk));
    await(desk, 2);
    assert_int_equal(desk->status, KMS_OK);
    char wanted[128];
    kms_text_format(wanted, sizeof wanted, "a/Windows:%lld:30 a/Windows:%lld:26 ",
                    (long long)(now_s - 3600), (long long)now_s);
    assert_string_equal(desk->hours, wanted);
}

static void take_past(void *arg, enum kms_status status, const struct kms_keeper_past *past,
                      const struct kms_history_hour *hour, size_t count)
{
    struct desk *desk = arg;
    take_hours(desk, status, hour, count);
    kms_text_append(desk->hours, sizeof desk->hours, "| %s, %zu fit:", past->host, past->fitting);
    for (size_t i = 0; i < past->near_count; i++) {
        kms_text_append(desk->hours, sizeof desk->hours, " %s", past->near[i]);
    }
}

static void expect_past(struct desk *desk, const char *name, const char *wanted)
{
    int answers = desk->answers;
    assert_non_null(kms_keeper_past_hours(desk->keeper, name, INT64_C(7200), take_past, desk));
    await(desk, answers + 1);
    assert_int_equal(desk->status, KMS_OK);
    assert_string_equal(desk->hours, wanted);
}

static void a_host_of_the_past_is_found_by_its_name_with_the_hours_before_its_end(void **state)
{
    struct desk *desk = *state;
    char wanted[200];
    int64_t last_s = kms_clock_wall_s(&desk->clock) / 3600 * 3600 - INT64_C(180000);
    put_hour(desk, "kms01.corp", last_s - 7200, 20);
    put_hour(desk, "kms01.corp", last_s - 3600, 21);
    put_hour(desk, "kms01.corp", last_s, 22);
    put_hour(desk, "kms02.corp", last_s + 3600, 30);
    put_hour(desk, "kms02.other", last_s + 3600, 30);
    flush(desk, KMS_OK);
    kms_text_format(wanted, sizeof wanted,
                    "kms01.corp/Windows:%lld:21 kms01.corp/Windows:%lld:22 | kms01.corp, 1 fit: "
                    "kms01.corp",
                    (long long)(last_s - 3600), (long long)last_s);
    expect_past(desk, "kms01.corp", wanted);
    expect_past(desk, "KMS01.Corp", wanted);
    expect_past(desk, "kms01", wanted);
    expect_past(desk, "kms02", "| , 2 fit: kms02.corp kms02.other");
    expect_past(desk, "kms03", "| , 0 fit: kms01.corp kms02.corp kms02.other");
    expect_past(desk, "kms02.othr", "| , 0 fit: kms02.other");
    expect_past(desk, "db", "| , 0 fit:");
    expect_past(desk, "", "| , 0 fit:");
}

/* Its name is there until the next sweep. */
static void a_host_of_which_no_hour_is_left_is_not_told(void **state)
{
    struct desk *desk = *state;
    char path[sizeof desk->path + 8];
    struct kms_store *store = NULL;
    struct kms_history_hour hour = {
        .host = "kms01", .key = "Windows", .hour_s = INT64_C(1764000000), .count_known = true};
    const struct kms_store_limits limits = {.future_s = INT64_MAX}; /* no byte of hours */
    struct kms_keeper_past past = {.near_count = 0};
    bool more = false;
    kms_text_format(path, sizeof path, "%s.past", desk->path);
    assert_int_equal(kms_store_open(path, &store, NULL), KMS_OK);
    assert_int_equal(kms_store_begin(store, NULL), KMS_OK);
    assert_int_equal(kms_store_put_hour(store, &hour, NULL), KMS_OK);
    assert_int_equal(kms_store_commit(store, NULL), KMS_OK);
    assert_int_equal(kms_keeper_past_find(store, "KMS01", &past, NULL), KMS_OK);
    assert_string_equal(past.host, "kms01");
    assert_true(past.is_whole);
    assert_int_equal(past.last_s, hour.hour_s);
    assert_int_equal(kms_store_trim(store, &limits, &more, NULL), KMS_OK);
    assert_int_equal(kms_keeper_past_find(store, "kms01", &past, NULL), KMS_OK);
    assert_string_equal(past.host, "");
    assert_int_equal(past.fitting, 1); /* the name is still there */
    assert_int_equal(past.near_count, 0);
    kms_store_close(store);
    assert_int_equal(unlink(path), 0);
}

/* The first byte of text within the file becomes another one. */
static void change_byte_of(const char *path, const char *text)
{
    struct kms_buf bytes;
    struct kms_file_stamp stamp;
    kms_buf_init(&bytes, 1 << 24);
    assert_int_equal(kms_file_read(path, &bytes, &stamp, NULL), KMS_OK);
    const char *at = memmem(bytes.data, bytes.len, text, strlen(text));
    assert_non_null(at);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "#", 1, at - bytes.data), 1);
    assert_int_equal(close(fd), 0);
    kms_buf_done(&bytes);
}

static void hours_of_a_store_that_is_set_aside_follow(void **state)
{
    struct desk *desk = *state;
    int64_t now_s = kms_clock_wall_s(&desk->clock) / 3600 * 3600;
    put_hour(desk, "a", now_s - 3600, 30);
    put_hour(desk, "a", now_s, 26);
    put(desk, "spoilt", "some-value");
    put(desk, "whole", "another");
    kms_keeper_close(desk->keeper, 5000);
    change_byte_of(desk->path, "some-value");
    keeper_open(desk);
    assert_int_equal(kms_keeper_view(desk->keeper).rebuilt, 1);
    expect(desk, KMS_STORE_META, "whole=another;");
    for (int i = 0; i < 1000 && !strstr(desk->last, "hours of history"); i++) {
        kms_loop_once(desk->loop, 20);
    }
    assert_non_null(strstr(desk->last, "store: 2 hours of history were taken over from"));
    assert_non_null(kms_keeper_hours(desk->keeper, "a", 0, INT64_MAX, take_hours, desk));
    await(desk, 1);
    assert_non_null(strstr(desk->hours, ":30 a/Windows:"));
}

static void hours_of_a_clock_that_was_never_set_are_refused(void **state)
{
    struct desk *desk = *state;
    struct kms_history_hour hour = {.host = "a", .key = "Windows", .hour_s = 7200};
    assert_int_equal(kms_keeper_put_hour(desk->keeper, &hour), KMS_EINVAL);
    hour.hour_s = INT64_C(1764000001);
    assert_int_equal(kms_keeper_put_hour(desk->keeper, &hour), KMS_EINVAL);
}

#define AT_DESK(test) cmocka_unit_test_setup_teardown(test, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_DESK(the_newest_of_each_name_is_there_after_a_restart),
        AT_DESK(who_flushes_is_told_when_all_is_on_the_disk),
        AT_DESK(who_was_forgotten_is_not_called),
        AT_DESK(without_anyone_waiting_it_is_written_all_the_same),
        AT_DESK(once_settled_nobody_is_asked_to_put_all_again),
        AT_DESK(a_damaged_store_is_set_aside_at_the_start_and_its_numbers_are_kept),
        AT_DESK(a_store_that_is_damaged_while_it_is_used_is_made_anew),
        AT_DESK(a_store_that_was_removed_while_it_is_used_is_made_anew),
        AT_DESK(a_store_that_is_spoilt_again_and_again_is_given_a_rest),
        AT_DESK(without_a_place_it_works_in_memory_and_writes_when_there_is_one),
        AT_DESK(a_store_of_a_newer_release_is_read_and_left_alone),
        AT_DESK(a_store_that_may_not_be_written_to_is_denied),
        cmocka_unit_test(every_failure_has_a_state_with_a_next_step),
        AT_DESK(a_write_that_does_not_come_back_hangs),
        AT_DESK(whatever_fails_meanwhile_the_disk_has_what_was_put_last_and_little_waits),
        AT_DESK(what_was_put_and_removed_without_a_disk_waits_for_nothing),
        AT_DESK(who_waits_for_what_was_removed_meanwhile_is_answered),
        AT_DESK(a_store_that_could_not_be_read_at_the_start_is_not_written_over),
        AT_DESK(what_is_over_is_swept_however_much_it_is),
        AT_DESK(what_is_put_while_it_is_swept_stays),
        AT_DESK(a_store_that_cannot_be_written_is_swept_later),
        AT_DESK(hours_are_read_back_with_the_newest_value),
        AT_DESK(a_host_of_the_past_is_found_by_its_name_with_the_hours_before_its_end),
        AT_DESK(a_host_of_which_no_hour_is_left_is_not_told),
        AT_DESK(hours_of_a_store_that_is_set_aside_follow),
        AT_DESK(hours_of_a_clock_that_was_never_set_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
