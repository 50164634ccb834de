/* The client of the control socket: it waits no longer than it is told to, and believes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "control/client.h"

#define WAIT_MS  10000 /* for what is there */
#define BRIEF_MS 20    /* for what never comes */

/* The other side, by hand. */
struct desk {
    char folder[64];
    char path[96];
    int listening, peer;
    struct kms_control_client client;
};

static void desk_open(struct desk *desk)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *desk = (struct desk){.peer = -1, .client = {.fd = -1}};
    kms_text_copy(desk->folder, sizeof desk->folder, "/tmp/kmsmon-client-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    kms_text_format(desk->path, sizeof desk->path, "%s/control", desk->folder);
    kms_text_copy(address.sun_path, sizeof address.sun_path, desk->path);
    desk->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(desk->listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(desk->listening, 1), 0);
}

static void desk_connect(struct desk *desk)
{
    struct kms_fault fault = {.text = ""};
    assert_int_equal(kms_control_connect(desk->path, WAIT_MS, &desk->client, &fault), KMS_OK);
    desk->peer = accept(desk->listening, NULL, NULL);
    assert_true(desk->peer >= 0);
}

static void desk_say(struct desk *desk, const char *text)
{
    assert_int_equal(send(desk->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void desk_close(struct desk *desk)
{
    kms_control_hang_up(&desk->client);
    if (desk->peer >= 0) {
        (void)close(desk->peer);
    }
    (void)close(desk->listening);
    (void)unlink(desk->path);
    assert_int_equal(rmdir(desk->folder), 0);
}

static enum kms_status next_line(struct desk *desk, int64_t wait_ms, const char **ret_line)
{
    struct kms_fault fault = {.text = ""};
    size_t len = 0;
    enum kms_status status = kms_control_line(&desk->client, wait_ms, ret_line, &len, &fault);
    if (status == KMS_OK) {
        assert_int_equal(strlen(*ret_line), len);
    } else {
        assert_string_not_equal(fault.text, "");
    }
    return status;
}

static void expect_line(struct desk *desk, const char *wanted)
{
    const char *line = "";
    assert_int_equal(next_line(desk, WAIT_MS, &line), KMS_OK);
    assert_string_equal(line, wanted);
}

static void a_request_goes_out_as_a_line(void **state)
{
    (void)state;
    struct desk desk;
    char got[64] = "";
    desk_open(&desk);
    desk_connect(&desk);
    assert_int_equal(kms_control_ask(&desk.client, "{\"command\":\"status\"}", WAIT_MS, NULL),
                     KMS_OK);
    assert_int_equal(recv(desk.peer, got, sizeof got - 1, MSG_WAITALL | MSG_DONTWAIT), 21);
    assert_string_equal(got, "{\"command\":\"status\"}\n");
    desk_close(&desk);
}

static void lines_come_whole_however_they_were_sent(void **state)
{
    (void)state;
    struct desk desk;
    const char *line = "";
    desk_open(&desk);
    desk_connect(&desk);
    desk_say(&desk, "one\ntwo\n\nthr");
    expect_line(&desk, "one");
    expect_line(&desk, "two");
    expect_line(&desk, "");
    assert_int_equal(next_line(&desk, BRIEF_MS, &line), KMS_EBUSY); /* and nothing is lost */
    desk_say(&desk, "ee\nfour\n");
    expect_line(&desk, "three");
    expect_line(&desk, "four");
    desk_close(&desk);
}

static void many_lines_take_no_more_room_than_one(void **state)
{
    (void)state;
    struct desk desk;
    char text[1002];
    memset(text, 'x', sizeof text);
    text[1000] = '\n';
    text[1001] = '\0';
    desk_open(&desk);
    desk_connect(&desk);
    for (int i = 0; i < 5000; i++) { /* more than KMS_CONTROL_ANSWER_MAX */
        desk_say(&desk, text);
        const char *line = "";
        assert_int_equal(next_line(&desk, WAIT_MS, &line), KMS_OK);
        assert_int_equal(strlen(line), 1000);
    }
    assert_true(desk.client.in.cap < 200000);
    desk_close(&desk);
}

static void a_line_without_end_is_no_answer(void **state)
{
    (void)state;
    struct desk desk;
    const char *line = "";
    char text[16385];
    enum kms_status status = KMS_EBUSY;
    memset(text, 'x', sizeof text);
    text[16384] = '\0';
    desk_open(&desk);
    desk_connect(&desk);
    for (int i = 0; i < 1000 && status == KMS_EBUSY; i++) {
        desk_say(&desk, text);
        status = next_line(&desk, 1, &line);
    }
    assert_int_equal(status, KMS_ETOOBIG);
    desk_close(&desk);
}

static void an_answer_that_breaks_off_says_so(void **state)
{
    (void)state;
    struct desk desk;
    const char *line = "";
    desk_open(&desk);
    desk_connect(&desk);
    desk_say(&desk, "one\ntw");
    (void)close(desk.peer);
    desk.peer = -1;
    expect_line(&desk, "one");
    assert_int_equal(next_line(&desk, WAIT_MS, &line), KMS_ENOTFOUND);
    desk_close(&desk);
}

/* The daemon tells its reason and closes without reading the request. */
static void a_refusal_is_heard_though_nobody_takes_the_request(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    desk_connect(&desk);
    desk_say(&desk, "no\n");
    (void)close(desk.peer);
    desk.peer = -1;
    assert_int_equal(kms_control_ask(&desk.client, "{}", WAIT_MS, NULL), KMS_OK);
    expect_line(&desk, "no");
    desk_close(&desk);
}

static void a_request_that_nobody_takes_is_given_up(void **state)
{
    (void)state;
    struct desk desk;
    struct kms_fault fault = {.text = ""};
    size_t size = (size_t)8 << 20; /* more than the kernel keeps */
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    desk_open(&desk);
    desk_connect(&desk);
    assert_int_equal(kms_control_ask(&desk.client, text, BRIEF_MS, &fault), KMS_EBUSY);
    assert_non_null(strstr(fault.text, "takes no request"));
    free(text);
    desk_close(&desk);
}

static void a_place_without_a_daemon_is_named(void **state)
{
    (void)state;
    struct desk desk;
    struct kms_fault fault = {.text = ""};
    desk_open(&desk);
    (void)close(desk.listening); /* the file stays */
    desk.listening = -1;
    assert_int_equal(kms_control_connect(desk.path, WAIT_MS, &desk.client, &fault), KMS_ENOTFOUND);
    assert_non_null(strstr(fault.text, "kmsmond is not running or its socket is elsewhere"));
    assert_non_null(strstr(fault.text, desk.path));
    assert_int_equal(unlink(desk.path), 0);
    assert_int_equal(kms_control_connect(desk.path, WAIT_MS, &desk.client, &fault), KMS_ENOTFOUND);
    assert_non_null(strstr(fault.text, "No such file or directory"));
    assert_int_equal(kms_control_connect(desk.folder, WAIT_MS, &desk.client, &fault),
                     KMS_ENOTFOUND);
    desk_close(&desk);
}

static void a_daemon_that_hangs_is_not_waited_for(void **state)
{
    (void)state;
    struct desk desk;
    struct kms_control_client waiting[16];
    struct kms_fault fault = {.text = ""};
    enum kms_status status = KMS_OK;
    size_t count = 0;
    desk_open(&desk);
    while (status == KMS_OK && count < KMS_COUNT_OF(waiting)) { /* until the queue is full */
        status = kms_control_connect(desk.path, BRIEF_MS, &waiting[count], &fault);
        count += status == KMS_OK ? 1 : 0;
    }
    assert_int_equal(status, KMS_EBUSY);
    assert_non_null(strstr(fault.text, "kmsmond does not answer"));
    assert_int_equal(kms_control_connect(desk.path, 0, &desk.client, &fault), KMS_EBUSY);
    while (count > 0) {
        kms_control_hang_up(&waiting[--count]);
    }
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_out_as_a_line),
        cmocka_unit_test(lines_come_whole_however_they_were_sent),
        cmocka_unit_test(many_lines_take_no_more_room_than_one),
        cmocka_unit_test(a_line_without_end_is_no_answer),
        cmocka_unit_test(an_answer_that_breaks_off_says_so),
        cmocka_unit_test(a_refusal_is_heard_though_nobody_takes_the_request),
        cmocka_unit_test(a_request_that_nobody_takes_is_given_up),
        cmocka_unit_test(a_place_without_a_daemon_is_named),
        cmocka_unit_test(a_daemon_that_hangs_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
