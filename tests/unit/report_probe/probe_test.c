/* Reading a report from wherever it lies: every failure has its outcome, and no report is a mixture
 * of two. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "net/http.h"
#include "probe/worker.h"
#include "report/probe.h"

#define SAMPLE KMSMON_DATA_DIR "/reports/de-2008r2-kms-b.txt"
/* 2013-02-21 14:50:58, the sample's own time. */
#define SAMPLE_S INT64_C(1361458258)

/* A web server that lives in the loop: it stands in for net/http.c in this program. */
struct kms_http {
    struct kms_loop *loop;
    struct kms_http_answer answer;
    struct kms_http_request asked;
    int cancelled;
};

struct kms_http_get {
    struct kms_http *http;
    struct kms_timer *timer;
    kms_http_done_fn *done;
    void *arg;
};

static void free_get(struct kms_http_get *get)
{
    kms_timer_free(get->timer);
    free(get);
}

static void answer_get(void *arg)
{
    struct kms_http_get *get = arg;
    struct kms_http_answer answer = get->http->answer;
    kms_http_done_fn *done = get->done;
    void *done_arg = get->arg;
    free_get(get);
    done(done_arg, &answer);
}

struct kms_http_get *kms_http_start(struct kms_http *http, const struct kms_http_request *request,
                                    kms_http_done_fn *done, void *arg)
{
    struct kms_http_get *get = calloc(1, sizeof *get);
    assert_non_null(get);
    http->asked = *request;
    *get = (struct kms_http_get){.http = http, .done = done, .arg = arg};
    get->timer = kms_timer_new(http->loop, answer_get, get);
    assert_non_null(get->timer);
    if (http->answer.outcome != KMS_OUTCOME_NONE) {
        kms_timer_set(get->timer, 0);
    }
    return get;
}

void kms_http_cancel(struct kms_http_get *get)
{
    get->http->cancelled++;
    free_get(get);
}

struct bench {
    char folder[64];
    char path[96];
    struct kms_env env;
    struct kms_http http;
    struct kms_target target;
    struct kms_buf sample;
    int calls;
    struct kms_result result;
    int64_t wall_us; /* 0: the machine's */
};

static int64_t bench_wall_us(void *arg)
{
    const struct bench *bench = arg;
    struct kms_clock clock = kms_clock_system();
    return bench->wall_us != 0 ? bench->wall_us : clock.wall_us(clock.arg);
}

static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    kms_text_copy(bench->folder, sizeof bench->folder, "/tmp/kms-report-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    kms_text_format(bench->path, sizeof bench->path, "%s/kms1.txt", bench->folder);
    bench->env.clock = kms_clock_system();
    bench->env.clock.wall_us = bench_wall_us;
    bench->env.clock.arg = bench;
    bench->env.loop = kms_loop_new(&bench->env.clock);
    assert_non_null(bench->env.loop);
    bench->env.worker = kms_worker_new(bench->env.loop, 2);
    assert_non_null(bench->env.worker);
    bench->http.loop = bench->env.loop;
    bench->env.http = &bench->http;
    kms_buf_init(&bench->sample, 1 << 20);
    struct kms_file_stamp stamp;
    assert_int_equal(kms_file_read(SAMPLE, &bench->sample, &stamp, NULL), KMS_OK);
    *state = bench;
    return 0;
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    kms_result_done(&bench->result);
    kms_buf_done(&bench->sample);
    kms_worker_free(bench->env.worker, 10000);
    kms_loop_free(bench->env.loop);
    (void)unlink(bench->path);
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
    return 0;
}

static void keep_result(void *arg, const struct kms_result *result)
{
    struct bench *bench = arg;
    bench->calls++;
    kms_result_done(&bench->result);
    assert_int_equal(kms_result_copy(&bench->result, result), KMS_OK);
    kms_loop_stop(bench->env.loop);
}

static struct kms_run *start(struct bench *bench, char *url)
{
    bench->target.source[KMS_SOURCE_REPORT].url = url;
    struct kms_run *run = kms_run_start(&bench->env, kms_report_probe(), &bench->target,
                                        keep_result, bench);
    assert_non_null(run);
    return run;
}

static const struct kms_result *read_url(struct bench *bench, char *url)
{
    bench->calls = 0;
    (void)start(bench, url);
    assert_int_equal(bench->calls, 0);
    kms_loop_run(bench->env.loop);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->result.source, KMS_SOURCE_REPORT);
    return &bench->result;
}

static void expect(const struct kms_result *result, enum kms_outcome outcome, const char *detail)
{
    if (result->outcome != outcome || !strstr(result->detail, detail)) {
        fail_msg("%s '%s' instead of %s '%s'", kms_outcome_row(result->outcome)->token,
                 result->detail, kms_outcome_row(outcome)->token, detail);
    }
}

static void expect_sample(const struct kms_result *result)
{
    expect(result, KMS_OUTCOME_OK, "");
    int64_t count = 0;
    assert_int_equal(result->key_count, 1);
    assert_true(kms_facts_number(&result->key[0], KMS_FACT_CURRENT_COUNT, &count));
    assert_int_equal(count, 6);
    assert_true(result->fingerprint != 0);
}

/* Every file is of the future then, and has to be read twice at least. */
static void set_clock_back(struct bench *bench)
{
    bench->wall_us = INT64_C(1500000000000000);
}

static void write_at(const char *path, const void *bytes, size_t len, int64_t mtime_s)
{
    assert_int_equal(kms_file_replace(path, bytes, len, 0640, NULL), KMS_OK);
    const struct timespec times[2] = {{.tv_sec = mtime_s}, {.tv_sec = mtime_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void an_old_file_is_read_once_and_dated_by_itself(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    const struct kms_result *result = read_url(bench, bench->path);
    expect_sample(result);
    assert_int_equal(result->data_s, SAMPLE_S);
    assert_int_equal(result->data_s_min, SAMPLE_S - 14 * 3600);
    assert_int_equal(result->data_s_max, SAMPLE_S + 14 * 3600);
}

static void a_file_written_in_the_reports_zone_gives_the_time_in_utc(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, bench->sample.data, bench->sample.len, SAMPLE_S - 3600);
    const struct kms_result *result = read_url(bench, bench->path);
    expect_sample(result);
    assert_int_equal(result->data_s, SAMPLE_S - 3600);
    assert_int_equal(result->data_s_max, SAMPLE_S - 3600);
}

static void a_file_written_just_now_is_accepted_when_it_stands_still(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(
        kms_file_replace(bench->path, bench->sample.data, bench->sample.len, 0640, NULL), KMS_OK);
    expect_sample(read_url(bench, bench->path));
}

static void a_file_of_the_future_is_accepted_when_it_stands_still(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    set_clock_back(bench);
    expect_sample(read_url(bench, bench->path));
    assert_int_equal(bench->result.wall_s, 1500000000);
}

static void a_missing_file_is_named(void **state)
{
    struct bench *bench = *state;
    const struct kms_result *result = read_url(bench, bench->path);
    expect(result, KMS_OUTCOME_REPORT_MISSING, bench->path);
    expect(result, KMS_OUTCOME_REPORT_MISSING, "No such file");
    assert_int_equal(result->fingerprint, 0);
    assert_int_equal(result->data_s, 0);
}

static void a_folder_and_a_fifo_are_not_files(void **state)
{
    struct bench *bench = *state;
    expect(read_url(bench, bench->folder), KMS_OUTCOME_REPORT_NOT_A_FILE, bench->folder);
    assert_int_equal(mkfifo(bench->path, 0600), 0);
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_NOT_A_FILE, "not a regular file");
}

static void a_loop_of_links_is_unreadable(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(symlink("kms1.txt", bench->path), 0);
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_UNREADABLE, "symbolic links");
}

static void an_unreadable_file_is_denied(void **state)
{
    struct bench *bench = *state;
    if (geteuid() == 0) {
        print_message("skipped: root may read every file\n");
        skip();
    }
    write_at(bench->path, "x", 1, INT64_C(1600000000));
    assert_int_equal(chmod(bench->path, 0), 0);
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_DENIED, "Permission denied");
}

static void an_empty_file_is_empty(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, "", 0, INT64_C(1600000000));
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_EMPTY, bench->path);
}

static void a_foreign_text_is_named_with_its_path(void **state)
{
    struct bench *bench = *state;
    static const char text[] = "Dear diary, nothing happened today.\n";
    write_at(bench->path, text, strlen(text), INT64_C(1600000000));
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_FOREIGN, bench->path);
}

static void a_file_above_the_limit_is_too_big_and_one_at_it_is_not(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    bench->target.source[KMS_SOURCE_REPORT].size_max = (int64_t)bench->sample.len - 1;
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_TOO_BIG, "larger than");
    bench->target.source[KMS_SOURCE_REPORT].size_max = (int64_t)bench->sample.len;
    expect_sample(read_url(bench, bench->path));
}

static void a_hundred_megabytes_are_refused_by_the_preset_limit(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, "", 0, INT64_C(1600000000));
    assert_int_equal(truncate(bench->path, 100 << 20), 0);
    expect(read_url(bench, bench->path), KMS_OUTCOME_REPORT_TOO_BIG, "larger than 8388608 bytes");
}

static void a_file_url_reads_the_decoded_path(void **state)
{
    struct bench *bench = *state;
    char path[128];
    char url[160];
    kms_text_format(path, sizeof path, "%s/kms 1%%.txt", bench->folder);
    kms_text_format(url, sizeof url, "file://%s/kms%%201%%25.txt", bench->folder);
    write_at(path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    expect_sample(read_url(bench, url));
    assert_int_equal(unlink(path), 0);
}

static void an_address_that_cannot_be_used_is_told_from_the_loop(void **state)
{
    struct bench *bench = *state;
    char share[] = "file://server/share/kms.txt";
    char ftp[] = "ftp://w.example/kms.txt";
    expect(read_url(bench, share), KMS_OUTCOME_HTTP_URL, "no other machine");
    expect(read_url(bench, ftp), KMS_OUTCOME_HTTP_URL, "'ftp' is not supported");
    expect(read_url(bench, NULL), KMS_OUTCOME_HTTP_URL, "no path or URL");
}

/* Standard input of this program is a pipe while a test has it. */
struct input {
    int before; /* what standard input was */
    int writer;
};

static struct input take_input(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct input input = {.before = fcntl(0, F_DUPFD_CLOEXEC, 3), .writer = ends[1]};
    assert_int_equal(dup2(ends[0], 0), 0);
    assert_int_equal(close(ends[0]), 0);
    return input;
}

static void give_back_input(struct input input)
{
    if (input.before >= 0) {
        assert_int_equal(dup2(input.before, 0), 0);
        assert_int_equal(close(input.before), 0);
    }
}

static void standard_input_is_read_to_its_end(void **state)
{
    struct bench *bench = *state;
    struct input input = take_input();
    ssize_t written = write(input.writer, bench->sample.data, bench->sample.len);
    assert_int_equal(written, bench->sample.len);
    assert_int_equal(close(input.writer), 0);
    char url[] = "-";
    const struct kms_result *result = read_url(bench, url);
    give_back_input(input);
    expect_sample(result);
    assert_int_equal(result->data_s, SAMPLE_S);
}

static void a_dateless_text_on_standard_input_has_no_age(void **state)
{
    struct bench *bench = *state;
    struct input input = take_input();
    assert_int_equal(close(input.writer), 0);
    char url[] = "-";
    const struct kms_result *result = read_url(bench, url);
    give_back_input(input);
    expect(result, KMS_OUTCOME_REPORT_EMPTY, "standard input");
    assert_int_equal(result->data_s, 0);
    assert_int_equal(result->data_s_max, 0);
}

static void a_reader_that_hangs_times_out_and_does_not_hold_up_another(void **state)
{
    struct bench *bench = *state;
    write_at(bench->path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    struct input input = take_input();
    char url[] = "-";
    bench->target.source[KMS_SOURCE_REPORT].timeout_ms = 30;
    expect(read_url(bench, url), KMS_OUTCOME_TIMEOUT, "no result within 30 ms");
    bench->target.source[KMS_SOURCE_REPORT].timeout_ms = 0;
    expect_sample(read_url(bench, bench->path));
    assert_int_equal(close(input.writer), 0);
    kms_worker_free(bench->env.worker, 10000);
    bench->env.worker = NULL;
    give_back_input(input);
}

static void a_cancelled_read_is_silent(void **state)
{
    struct bench *bench = *state;
    struct input input = take_input();
    char url[] = "-";
    bench->calls = 0;
    struct kms_run *reading = start(bench, url);
    struct kms_run *refused = start(bench, NULL);
    kms_run_cancel(refused);
    kms_run_cancel(reading);
    assert_int_equal(close(input.writer), 0);
    kms_loop_once(bench->env.loop, 10);
    assert_int_equal(bench->calls, 0);
    kms_worker_free(bench->env.worker, 10000);
    bench->env.worker = NULL;
    give_back_input(input);
}

static void a_read_cancelled_between_two_readings_is_silent(void **state)
{
    struct bench *bench = *state;
    set_clock_back(bench);
    assert_int_equal(
        kms_file_replace(bench->path, bench->sample.data, bench->sample.len, 0640, NULL), KMS_OK);
    bench->calls = 0;
    struct kms_run *run = start(bench, bench->path);
    kms_loop_once(bench->env.loop, 100);
    kms_run_cancel(run);
    kms_loop_once(bench->env.loop, 10);
    assert_int_equal(bench->calls, 0);
}

/* Overwrites the file in place with one text and then the other, in small pieces, until it is told
 * to stop. */
struct writer {
    const char *path;
    const char *text[2];
    size_t len;
    atomic_bool stop;
    atomic_size_t turns;
};

static void *write_for_ever(void *arg)
{
    struct writer *writer = arg;
    int fd = open(writer->path, O_WRONLY | O_CLOEXEC);
    for (size_t turn = 1; fd >= 0 && !atomic_load(&writer->stop); turn++) {
        const char *text = writer->text[turn % 2];
        for (size_t at = 0; at < writer->len; at += 64) {
            size_t step = writer->len - at < 64 ? writer->len - at : 64;
            if (pwrite(fd, text + at, step, (off_t)at) != (ssize_t)step) {
                return NULL;
            }
        }
        atomic_store(&writer->turns, turn);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return NULL;
}

/* A is the sample, B the same length with every counter of it changed, first line to last. */
static char *other_text(const struct kms_buf *sample)
{
    char *other = kms_text_dup_len(sample->data, sample->len);
    assert_non_null(other);
    for (size_t i = 0; i < sample->len; i++) {
        if (other[i] == '6') {
            other[i] = '7';
        }
    }
    return other;
}

static uint64_t fingerprint_of(struct bench *bench, const char *text)
{
    write_at(bench->path, text, bench->sample.len, INT64_C(1600000000));
    const struct kms_result *result = read_url(bench, bench->path);
    return result->fingerprint;
}

static void a_report_that_changes_while_it_is_read_is_never_mixed(void **state)
{
    struct bench *bench = *state;
    set_clock_back(bench);
    char *other = other_text(&bench->sample);
    uint64_t a = fingerprint_of(bench, bench->sample.data);
    uint64_t b = fingerprint_of(bench, other);
    assert_true(a != b);

    struct writer writer = {
        .path = bench->path, .text = {bench->sample.data, other}, .len = bench->sample.len};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_for_ever, &writer), 0);
    for (int i = 0; i < 2; i++) {
        const struct kms_result *result = read_url(bench, bench->path);
        bool whole = result->fingerprint == a || result->fingerprint == b;
        assert_true(result->outcome == KMS_OUTCOME_REPORT_CHANGING || whole);
    }
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&writer.turns) > 0);

    const struct kms_result *result = read_url(bench, bench->path);
    assert_true(result->fingerprint == a || result->fingerprint == b);
    free(other);
}

/* The file is another one at every reading: nothing can be accepted, and the attempt ends. */
struct changer {
    struct bench *bench;
    struct kms_timer *timer;
    unsigned turn;
};

static void change_file(void *arg)
{
    struct changer *changer = arg;
    char text[32];
    kms_text_format(text, sizeof text, "turn %08u\n", changer->turn++);
    assert_int_equal(kms_file_replace(changer->bench->path, text, strlen(text), 0640, NULL),
                     KMS_OK);
    kms_timer_set(changer->timer, 5);
}

static void a_report_that_never_stands_still_is_given_up(void **state)
{
    struct bench *bench = *state;
    set_clock_back(bench);
    struct changer changer = {.bench = bench};
    changer.timer = kms_timer_new(bench->env.loop, change_file, &changer);
    assert_non_null(changer.timer);
    change_file(&changer);
    const struct kms_result *result = read_url(bench, bench->path);
    kms_timer_free(changer.timer);
    expect(result, KMS_OUTCOME_REPORT_CHANGING, "still changing after 6 readings");
    assert_int_equal(result->key_count, 0);
}

static void a_file_renamed_over_the_old_one_is_read_whole(void **state)
{
    struct bench *bench = *state;
    char *other = other_text(&bench->sample);
    uint64_t b = fingerprint_of(bench, other);
    write_at(bench->path, bench->sample.data, bench->sample.len, INT64_C(1600000000));
    expect_sample(read_url(bench, bench->path));
    assert_int_equal(kms_file_replace(bench->path, other, bench->sample.len, 0640, NULL), KMS_OK);
    assert_true(read_url(bench, bench->path)->fingerprint == b);
    free(other);
}

static void a_report_from_the_web_is_dated_by_the_server(void **state)
{
    struct bench *bench = *state;
    bench->http.answer = (struct kms_http_answer){.outcome = KMS_OUTCOME_OK,
                                                  .status = 200,
                                                  .body = &bench->sample,
                                                  .last_modified_s = SAMPLE_S - 7200};
    char url[] = "https://w.example/kms1.txt";
    char ca_file[] = "/etc/ca.pem";
    bench->target.source[KMS_SOURCE_REPORT].ca_file = ca_file;
    bench->target.source[KMS_SOURCE_REPORT].size_max = 123456;
    const struct kms_result *result = read_url(bench, url);
    expect_sample(result);
    assert_int_equal(result->data_s, SAMPLE_S - 7200);
    assert_ptr_equal(bench->http.asked.ca_file, ca_file);
    assert_int_equal(bench->http.asked.size_max, 123456);
    assert_int_equal(bench->http.asked.timeout_ms, 10000);
}

static void a_failure_of_the_web_is_passed_on_without_the_password(void **state)
{
    struct bench *bench = *state;
    bench->http.answer = (struct kms_http_answer){.outcome = KMS_OUTCOME_HTTP_STATUS,
                                                  .status = 404};
    kms_text_copy(bench->http.answer.detail, sizeof bench->http.answer.detail, "404 Not Found");
    char url[] = "https://me:secret@w.example/kms1.txt";
    const struct kms_result *result = read_url(bench, url);
    expect(result, KMS_OUTCOME_HTTP_STATUS, "https://w.example/kms1.txt: 404 Not Found");
}

static void a_web_read_is_cancelled_with_its_run(void **state)
{
    struct bench *bench = *state;
    char url[] = "http://w.example/kms1.txt";
    bench->calls = 0;
    kms_run_cancel(start(bench, url));
    assert_int_equal(bench->http.cancelled, 1);
    kms_loop_once(bench->env.loop, 10);
    assert_int_equal(bench->calls, 0);
}

static void a_program_without_http_says_so(void **state)
{
    struct bench *bench = *state;
    bench->env.http = NULL;
    char url[] = "http://w.example/kms1.txt";
    expect(read_url(bench, url), KMS_OUTCOME_HTTP_URL, "reads no web addresses");
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, make_bench, free_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(an_old_file_is_read_once_and_dated_by_itself),
        ON_BENCH(a_file_written_in_the_reports_zone_gives_the_time_in_utc),
        ON_BENCH(a_file_written_just_now_is_accepted_when_it_stands_still),
        ON_BENCH(a_file_of_the_future_is_accepted_when_it_stands_still),
        ON_BENCH(a_missing_file_is_named),
        ON_BENCH(a_folder_and_a_fifo_are_not_files),
        ON_BENCH(a_loop_of_links_is_unreadable),
        ON_BENCH(an_unreadable_file_is_denied),
        ON_BENCH(an_empty_file_is_empty),
        ON_BENCH(a_foreign_text_is_named_with_its_path),
        ON_BENCH(a_file_above_the_limit_is_too_big_and_one_at_it_is_not),
        ON_BENCH(a_hundred_megabytes_are_refused_by_the_preset_limit),
        ON_BENCH(a_file_url_reads_the_decoded_path),
        ON_BENCH(an_address_that_cannot_be_used_is_told_from_the_loop),
        ON_BENCH(standard_input_is_read_to_its_end),
        ON_BENCH(a_dateless_text_on_standard_input_has_no_age),
        ON_BENCH(a_reader_that_hangs_times_out_and_does_not_hold_up_another),
        ON_BENCH(a_cancelled_read_is_silent),
        ON_BENCH(a_read_cancelled_between_two_readings_is_silent),
        ON_BENCH(a_report_that_changes_while_it_is_read_is_never_mixed),
        ON_BENCH(a_report_that_never_stands_still_is_given_up),
        ON_BENCH(a_file_renamed_over_the_old_one_is_read_whole),
        ON_BENCH(a_report_from_the_web_is_dated_by_the_server),
        ON_BENCH(a_failure_of_the_web_is_passed_on_without_the_password),
        ON_BENCH(a_web_read_is_cancelled_with_its_run),
        ON_BENCH(a_program_without_http_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
