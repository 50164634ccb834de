/* A state file reaches the disk by way of the worker, and a failure is told once and tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/file_writer.h"
#include "base/file.h"
#include "base/text.h"

struct desk {
    char folder[64];
    char path[96];
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_worker *worker;
    struct kms_buf text; /* what the file should hold */
    uint64_t made, saved;
    struct kms_log log;
    struct kms_file_writer *writer;
    int lines;
    char last[512];
};

static void on_line(void *arg, enum kms_log_level level, const char *line)
{
    (void)level;
    struct desk *desk = arg;
    desk->lines++;
    kms_text_copy(desk->last, sizeof desk->last, line);
}

static bool unsaved(void *arg)
{
    const struct desk *desk = arg;
    return desk->made != desk->saved;
}

static enum kms_status render(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark)
{
    const struct desk *desk = arg;
    kms_buf_init(ret_text, 1U << 16);
    *ret_mark = desk->made;
    return kms_buf_add_str(ret_text, kms_buf_str(&desk->text));
}

static void saved(void *arg, uint64_t mark)
{
    struct desk *desk = arg;
    desk->saved = mark;
}

static void add(struct desk *desk, const char *line)
{
    assert_int_equal(kms_buf_add_str(&desk->text, line), KMS_OK);
    desk->made++;
}

static void desk_open(struct desk *desk)
{
    *desk = (struct desk){.clock = kms_clock_system()};
    kms_text_copy(desk->folder, sizeof desk->folder, "/tmp/kmsmon-file-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    kms_text_format(desk->path, sizeof desk->path, "%s/seen", desk->folder);
    desk->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = on_line, .arg = desk};
    desk->loop = kms_loop_new(&desk->clock);
    desk->worker = kms_worker_new(desk->loop, 1);
    kms_buf_init(&desk->text, 1U << 16);
    const struct kms_file_source source = {.name = "seen",
                                           .kept = "what DNS showed is",
                                           .path = desk->path,
                                           .unsaved = unsaved,
                                           .render = render,
                                           .saved = saved,
                                           .arg = desk};
    desk->writer = kms_file_writer_open(desk->loop, desk->worker, &source, &desk->log);
    assert_non_null(desk->writer);
}

static void desk_close(struct desk *desk)
{
    kms_file_writer_close(desk->writer, 5000);
    kms_worker_free(desk->worker, 5000);
    kms_loop_free(desk->loop);
    kms_buf_done(&desk->text);
}

static void desk_remove(const struct desk *desk)
{
    (void)unlink(desk->path);
    assert_int_equal(rmdir(desk->folder), 0);
}

/* Turns the loop until nothing is unsaved; the bound is far beyond what a write takes. */
static void settle(struct desk *desk)
{
    for (int i = 0; i < 1000 && unsaved(desk); i++) {
        kms_loop_once(desk->loop, 20);
    }
    assert_false(unsaved(desk));
}

static bool file_holds(const struct desk *desk, const char *text)
{
    struct kms_buf buf;
    struct kms_file_stamp stamp;
    kms_buf_init(&buf, 1U << 16);
    bool holds = kms_file_read(desk->path, &buf, &stamp, NULL) == KMS_OK &&
                 strstr(kms_buf_str(&buf), text) != NULL;
    kms_buf_done(&buf);
    return holds;
}

static void news_is_written_without_waiting(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    add(&desk, "kms01\n");
    kms_file_writer_poke(desk.writer);
    add(&desk, "kms02\n"); /* while the write runs */
    kms_file_writer_poke(desk.writer);
    settle(&desk);
    assert_true(file_holds(&desk, "kms02"));
    assert_int_equal(desk.lines, 0);
    desk_close(&desk);
    desk_remove(&desk);
}

static void what_is_unsaved_at_the_end_is_saved_then(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    add(&desk, "kms01\n");
    kms_file_writer_poke(desk.writer);
    add(&desk, "kms02\n");
    desk_close(&desk);
    assert_true(file_holds(&desk, "kms02"));
    desk_remove(&desk);
}

static void a_folder_that_is_gone_is_told_once_and_tried_again(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    assert_int_equal(rmdir(desk.folder), 0);
    add(&desk, "kms01\n");
    kms_file_writer_poke(desk.writer);
    for (int i = 0; i < 1000 && desk.lines == 0; i++) {
        kms_loop_once(desk.loop, 20);
    }
    assert_int_equal(desk.lines, 1);
    assert_non_null(strstr(desk.last, "the next poll tries again"));
    assert_true(unsaved(&desk));
    assert_int_equal(mkdir(desk.folder, 0700), 0);
    kms_file_writer_poke(desk.writer);
    settle(&desk);
    assert_int_equal(desk.lines, 2);
    assert_string_equal(desk.last, "seen: saved again");
    assert_true(file_holds(&desk, "kms01"));
    desk_close(&desk);
    desk_remove(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_is_written_without_waiting),
        cmocka_unit_test(what_is_unsaved_at_the_end_is_saved_then),
        cmocka_unit_test(a_folder_that_is_gone_is_told_once_and_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
