/* The server of the control socket: whatever peers send or leave, each call is answered or ended,
 * and none costs more than its share. */
#include "desk.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "base/text.h"

#define HEAR_MAX ((size_t)64 << 20)

/* ---- commands ---- */

struct seen {
    int started, ended;
    int steps;
    struct kms_control_call *waiting;
};

/* Commands have nothing but the parts, so what they did is kept beside them. */
static struct seen seen;

static void start_hello(struct kms_control_call *call)
{
    seen.started++;
    kms_control_ok(call, json_pack("{s:s}", "greeting", "hello"));
    kms_control_end(call);
}

static void count_end(struct kms_control_call *call)
{
    (void)call;
    seen.ended++;
    seen.waiting = NULL;
}

static void start_wait(struct kms_control_call *call)
{
    seen.started++;
    seen.waiting = call;
}

static const struct kms_control_command hello = {
    .name = "hello", .start = start_hello, .done = count_end};
static const struct kms_control_command wait_for_it = {
    .name = "wait", .start = start_wait, .done = count_end};
static const struct kms_control_command change = {
    .name = "change", .changes = true, .start = start_hello, .done = count_end};

struct counting {
    int left;
};

static void count_down(struct kms_control_call *call)
{
    struct counting *counting = kms_control_kept(call);
    seen.steps++;
    if (counting->left-- == 0) {
        kms_control_end(call);
        return;
    }
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    kms_control_put(call, json_pack("{s:i,s:s}", "left", counting->left, "text", text));
}

static void start_many(struct kms_control_call *call)
{
    struct counting *counting = calloc(1, sizeof *counting);
    assert_non_null(counting);
    counting->left = (int)json_integer_value(json_object_get(kms_control_request(call), "count"));
    kms_control_keep(call, counting);
    kms_control_ok(call, NULL);
    kms_control_step(call, count_down);
}

static void end_many(struct kms_control_call *call)
{
    seen.ended++;
    free(kms_control_kept(call));
}

static const struct kms_control_command many = {
    .name = "many", .start = start_many, .done = end_many};

static void start_huge(struct kms_control_call *call)
{
    char *text = malloc(KMS_CONTROL_LINE_MAX + 1);
    assert_non_null(text);
    memset(text, 'x', KMS_CONTROL_LINE_MAX);
    text[KMS_CONTROL_LINE_MAX] = '\0';
    kms_control_ok(call, NULL);
    kms_control_put(call, json_string(text));
    free(text);
    kms_control_end(call);
}

static const struct kms_control_command huge = {
    .name = "huge", .start = start_huge, .done = count_end};

static void start_lost(struct kms_control_call *call)
{
    kms_control_ok(call, NULL);
    kms_control_put(call, NULL); /* as what jansson gives when memory ran out */
    kms_control_put(call, json_pack("{s:b}", "more", true));
    kms_control_end(call);
}

static const struct kms_control_command lost = {
    .name = "lost", .start = start_lost, .done = count_end};

static const struct kms_control_command *const commands[] = {&lost, &hello, &wait_for_it, &change,
                                                             &many, &huge,  NULL};

static struct desk_options plain(void)
{
    seen = (struct seen){0};
    struct desk_options options = {.commands = commands};
    assert_int_equal(kms_control_access_find(NULL, NULL, &options.access, NULL), KMS_OK);
    return options;
}

/* Of one question, the whole answer. */
static void ask(struct desk *desk, int peer, const char *question, size_t lines,
                struct kms_buf *buf)
{
    kms_buf_init(buf, HEAR_MAX);
    desk_say(peer, question);
    (void)desk_hear(desk, peer, lines, buf);
}

/* ---- requests ---- */

static void a_request_is_answered(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"hello\"}\n", 2, &buf);
    assert_string_equal(kms_buf_str(&buf),
                        "{\"ok\":true,\"greeting\":\"hello\"}\n{\"end\":true}\n");
    assert_int_equal(seen.ended, 1);
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    const char *question = "{\"command\":\"hello\"}\n";
    for (size_t i = 0; question[i] != '\0'; i++) {
        const char piece[2] = {question[i], '\0'};
        desk_say(peer, piece);
        desk_turn(&desk, 2);
        assert_int_equal(seen.started, question[i] == '\n' ? 1 : 0);
    }
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_non_null(strstr(desk_hear(&desk, peer, 2, &buf), "{\"end\":true}\n"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void requests_that_come_at_once_are_answered_in_their_order(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf buf;
    ask(&desk, peer,
        "\r\n\n{\"command\":\"many\",\"count\":1}\n{\"command\":\"nothing\"}\n{\"command\":"
        "\"hello\"}\n",
        6, &buf);
    const char *first = strstr(kms_buf_str(&buf), "\"left\":0");
    const char *second = strstr(kms_buf_str(&buf), "there is no command 'nothing'");
    const char *third = strstr(kms_buf_str(&buf), "hello\"}");
    assert_true(first && second && third && first < second && second < third);
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void the_last_request_needs_no_line_end(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"hello\"}");
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_non_null(strstr(desk_hear(&desk, peer, 3, &buf), "{\"end\":true}\n"));
    assert_int_equal(kms_control_connections(desk.control), 0); /* it was over with that */
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void garbage_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const questions[] = {
        "hello\n",
        "{\"command\":\"hello\"\n",
        "[\"command\"]\n",
        "{}\n",
        "{\"command\":7}\n",
        "{\"command\":\"hello\",\"command\":\"wait\"}\n",
        "{\"command\":\"he\\u0000llo\"}\n",
        "\xff\xfe\n",
        "\"hello\"\n",
        "{\"command\":\"hello\"} {\"command\":\"hello\"}\n",
    };
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    for (size_t i = 0; i < KMS_COUNT_OF(questions); i++) {
        struct kms_buf buf;
        ask(&desk, peer, questions[i], 1, &buf);
        if (!kms_text_starts(kms_buf_str(&buf), "{\"ok\":false,\"error\":\"the request ")) {
            fail_msg("to '%s': '%s'", questions[i], kms_buf_str(&buf));
        }
        kms_buf_done(&buf);
    }
    assert_int_equal(seen.started, 0);
    (void)close(peer);
    desk_close(&desk);
}

static void control_characters_do_not_come_back(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"a\\u001b[31m\\nb\"}\n", 1, &buf);
    assert_non_null(strstr(kms_buf_str(&buf), "there is no command 'a?[31m"));
    assert_null(strstr(kms_buf_str(&buf), "\\u001b"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void a_request_without_end_is_cut_off(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    char piece[1024];
    memset(piece, ' ', sizeof piece);
    piece[0] = '{';
    size_t sent = 0;
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    for (int i = 0; i < 1000 && kms_control_connections(desk.control) <= 1 && buf.len == 0; i++) {
        ssize_t got = send(peer, piece, sizeof piece, MSG_NOSIGNAL);
        sent += got > 0 ? (size_t)got : 0;
        desk_turn(&desk, 1);
        char answer[512];
        ssize_t heard = recv(peer, answer, sizeof answer, MSG_DONTWAIT);
        if (heard > 0) {
            assert_int_equal(kms_buf_add(&buf, answer, (size_t)heard), KMS_OK);
        }
    }
    assert_true(sent > KMS_CONTROL_REQUEST_MAX && sent < KMS_CONTROL_REQUEST_MAX + 8192);
    assert_non_null(strstr(kms_buf_str(&buf), "the request is longer than 65536 bytes"));
    desk_turn(&desk, 5);
    assert_int_equal(kms_control_connections(desk.control), 0);
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void the_longest_request_is_taken(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf question;
    kms_buf_init(&question, KMS_CONTROL_REQUEST_MAX + 1);
    assert_int_equal(
        kms_buf_addf(&question, "%-*s\n", (int)KMS_CONTROL_REQUEST_MAX, "{\"command\":\"hello\"}"),
        KMS_OK);
    assert_int_equal(question.len, KMS_CONTROL_REQUEST_MAX + 1);
    struct kms_buf buf;
    ask(&desk, peer, kms_buf_str(&question), 2, &buf);
    assert_non_null(strstr(kms_buf_str(&buf), "hello"));
    kms_buf_done(&buf);
    kms_buf_done(&question);
    (void)close(peer);
    desk_close(&desk);
}

/* ---- answers ---- */

static void a_slow_reader_gets_all_and_little_is_rendered_ahead(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    options.send_buffer = 4096;
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"many\",\"count\":20000}\n");
    desk_turn(&desk, 200); /* the peer takes nothing */
    /* What the kernel keeps, and KMS_CONTROL_AHEAD: far from 20000 lines of 230 bytes. */
    int ahead = seen.steps;
    assert_in_range(ahead, 100, 1000);
    desk_turn(&desk, 50);
    assert_int_equal(seen.steps, ahead);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    const char *all = desk_hear(&desk, peer, 20002, &buf);
    assert_non_null(strstr(all, "\"left\":0,"));
    assert_non_null(strstr(all, "{\"end\":true}\n"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void a_long_answer_leaves_the_loop_to_others(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int slow = desk_peer(&desk), quick = desk_peer(&desk);
    desk_say(slow, "{\"command\":\"many\",\"count\":100000}\n");
    desk_turn(&desk, 3);
    struct kms_buf buf;
    ask(&desk, quick, "{\"command\":\"hello\"}\n", 2, &buf);
    assert_non_null(strstr(kms_buf_str(&buf), "{\"end\":true}"));
    assert_true(seen.steps < 100000); /* the long one is not over */
    kms_buf_done(&buf);
    (void)close(slow);
    (void)close(quick);
    desk_close(&desk);
}

static void a_line_that_is_too_long_fails_the_call(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"huge\"}\n{\"command\":\"hello\"}\n", 4, &buf);
    assert_non_null(strstr(kms_buf_str(&buf),
                           "{\"ok\":true}\n{\"error\":\"a part of the answer is too long\""));
    assert_non_null(strstr(kms_buf_str(&buf), "hello"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

/* Nobody may take it for a whole answer. */
static void an_answer_that_memory_ran_out_for_breaks_off(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"lost\"}\n{\"command\":\"hello\"}\n", 10, &buf);
    assert_string_equal(kms_buf_str(&buf), "{\"ok\":true}\n");
    assert_int_equal(kms_control_connections(desk.control), 0);
    assert_int_equal(seen.ended, 1);
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void an_answer_may_come_later(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    options.idle_ms = 300; /* that long the peer may be idle, not we */
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"wait\"}\n");
    for (int i = 0; i < 1000 && seen.started == 0; i++) {
        desk_turn(&desk, 1);
    }
    int64_t until_us = kms_clock_mono_us(&desk.clock) + 400000;
    while (kms_clock_mono_us(&desk.clock) < until_us) {
        desk_turn(&desk, 1);
    }
    assert_non_null(seen.waiting);
    kms_control_ok(seen.waiting, NULL);
    kms_control_end(seen.waiting);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_string_equal(desk_hear(&desk, peer, 2, &buf), "{\"ok\":true}\n{\"end\":true}\n");
    assert_int_equal(seen.ended, 1);
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

/* ---- peers that go ---- */

static void a_peer_that_goes_ends_its_call(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"wait\"}\n");
    for (int i = 0; i < 1000 && seen.started == 0; i++) {
        desk_turn(&desk, 1);
    }
    (void)close(peer);
    for (int i = 0; i < 1000 && seen.ended == 0; i++) {
        desk_turn(&desk, 1);
    }
    assert_int_equal(seen.ended, 1);
    assert_int_equal(kms_control_connections(desk.control), 0);
    desk_close(&desk);
}

static void a_peer_that_only_says_no_more_gets_its_answer(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"wait\"}\n");
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    for (int i = 0; i < 1000 && seen.started == 0; i++) {
        desk_turn(&desk, 1);
    }
    desk_turn(&desk, 20);
    assert_int_equal(seen.ended, 0);
    kms_control_ok(seen.waiting, NULL);
    kms_control_end(seen.waiting);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_string_equal(desk_hear(&desk, peer, 3, &buf), "{\"ok\":true}\n{\"end\":true}\n");
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

static void a_peer_that_goes_in_the_middle_of_an_answer_ends_it(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"many\",\"count\":1000000}\n");
    desk_turn(&desk, 20);
    assert_int_equal(seen.ended, 0);
    (void)close(peer);
    for (int i = 0; i < 1000 && seen.ended == 0; i++) {
        desk_turn(&desk, 1);
    }
    assert_int_equal(seen.ended, 1);
    assert_int_equal(kms_control_connections(desk.control), 0);
    desk_close(&desk);
}

static void calls_end_with_the_server(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peer = desk_peer(&desk), other = desk_peer(&desk);
    desk_say(peer, "{\"command\":\"wait\"}\n");
    desk_say(other, "{\"command\":\"many\",\"count\":1000000}\n");
    for (int i = 0; i < 1000 && seen.started == 0; i++) {
        desk_turn(&desk, 1);
    }
    desk_turn(&desk, 10);
    desk_close(&desk);
    assert_int_equal(seen.ended, 2);
    (void)close(peer);
    (void)close(other);
}

static bool is_closed(int peer)
{
    char byte;
    return recv(peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static void who_neither_asks_nor_reads_is_let_go(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    options.idle_ms = 20;
    desk_open(&desk, &options);
    int silent = desk_peer(&desk), partial = desk_peer(&desk), deaf = desk_peer(&desk);
    desk_say(partial, "{\"command\":");
    desk_say(deaf, "{\"command\":\"many\",\"count\":1000000}\n");
    for (int i = 0; i < 5 && kms_control_connections(desk.control) < 3; i++) {
        desk_turn(&desk, 1);
    }
    for (int i = 0; i < 2000 && kms_control_connections(desk.control) > 0; i++) {
        desk_turn(&desk, 1);
    }
    assert_int_equal(kms_control_connections(desk.control), 0);
    assert_int_equal(seen.ended, 1);
    assert_true(is_closed(silent) && is_closed(partial));
    (void)close(silent);
    (void)close(partial);
    (void)close(deaf);
    desk_close(&desk);
}

static void too_many_peers_are_told_so(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    desk_open(&desk, &options);
    int peers[KMS_CONTROL_CONNECTIONS_MAX + 3];
    for (size_t i = 0; i < KMS_COUNT_OF(peers); i++) {
        peers[i] = desk_peer(&desk);
    }
    desk_turn(&desk, 30);
    assert_int_equal(kms_control_connections(desk.control), KMS_CONTROL_CONNECTIONS_MAX);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_non_null(strstr(desk_hear(&desk, peers[KMS_COUNT_OF(peers) - 1], 2, &buf),
                           "{\"ok\":false,\"error\":\"too many connections"));
    kms_buf_done(&buf);
    ask(&desk, peers[0], "{\"command\":\"hello\"}\n", 2, &buf);
    assert_non_null(strstr(kms_buf_str(&buf), "{\"end\":true}"));
    kms_buf_done(&buf);
    for (size_t i = 0; i < KMS_COUNT_OF(peers); i++) {
        (void)close(peers[i]);
    }
    for (int i = 0; i < 1000 && kms_control_connections(desk.control) > 0; i++) {
        desk_turn(&desk, 1);
    }
    assert_int_equal(kms_control_connections(desk.control), 0);
    desk_close(&desk);
}

/* It does not ask the kernel again and again meanwhile, and it does not forget to ask. */
static void peers_that_found_no_descriptor_are_served_later(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = plain();
    struct rlimit before, none;
    desk_open(&desk, &options);
    int peer = desk_peer(&desk);
    int lowest = dup(peer);
    assert_int_equal(close(lowest), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    desk_turn(&desk, 20);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(kms_control_connections(desk.control), 0);
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"hello\"}\n", 2, &buf);
    assert_non_null(strstr(kms_buf_str(&buf), "{\"end\":true}"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

/* ---- rights ---- */

/* Root lends itself to other users for the moment of the connect, which is what counts; any other
 * user is nobody special for a daemon that says that its own is another one. */
#define STRANGER 65534
#define CLUB     60123 /* a group, which needs no name */

static struct desk_options foreign(void)
{
    struct desk_options options = plain();
    options.access.own = geteuid() == 0 ? 60124 : geteuid() + 1;
    kms_text_copy(options.access.own_name, sizeof options.access.own_name, "kmsmon");
    return options;
}

static int stranger(struct desk *desk, gid_t first, const gid_t *other, size_t count)
{
    if (geteuid() != 0) {
        return desk_peer(desk);
    }
    assert_int_equal(chmod(desk->folder, 0755), 0);
    assert_int_equal(chmod(desk->socket.path, 0666), 0);
    assert_int_equal(setgroups(count, other), 0);
    assert_int_equal(setegid(first), 0);
    assert_int_equal(seteuid(STRANGER), 0);
    int peer = desk_peer(desk);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_int_equal(setgroups(0, NULL), 0);
    return peer;
}

static void a_foreign_user_is_refused_before_he_asks(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = foreign();
    desk_open(&desk, &options);
    struct kms_buf buf;
    for (int i = 0; i < 3; i++) {
        int peer = stranger(&desk, STRANGER, NULL, 0);
        kms_buf_init(&buf, HEAR_MAX);
        assert_non_null(strstr(desk_hear(&desk, peer, 2, &buf),
                               "the control socket is for root and user kmsmon"));
        assert_non_null(strstr(kms_buf_str(&buf), "with group in the block control"));
        assert_int_equal(kms_control_connections(desk.control), 0);
        kms_buf_done(&buf);
        (void)close(peer);
    }
    assert_int_equal(desk.lines, 1); /* not a line each */
    desk_close(&desk);
}

static void a_foreign_user_learns_which_group_he_lacks(void **state)
{
    (void)state;
    struct desk desk;
    struct desk_options options = foreign();
    options.access.has_readers = true;
    options.access.readers = CLUB;
    kms_text_copy(options.access.readers_name, sizeof options.access.readers_name, "nagios");
    desk_open(&desk, &options);
    int peer = stranger(&desk, STRANGER, NULL, 0);
    struct kms_buf buf;
    kms_buf_init(&buf, HEAR_MAX);
    assert_non_null(strstr(desk_hear(&desk, peer, 2, &buf), "members of group nagios"));
    assert_non_null(strstr(kms_buf_str(&buf), "let root add the user to group nagios"));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

/* A peer in the group that reads, by his first group or by another one. */
static void read_and_try_to_change(struct desk *desk, int peer)
{
    struct kms_buf buf;
    ask(desk, peer, "{\"command\":\"change\"}\n{\"command\":\"hello\"}\n", 3, &buf);
    assert_non_null(
        strstr(kms_buf_str(&buf), "change is for root, user kmsmon and members of group adm"));
    assert_non_null(strstr(kms_buf_str(&buf), "let root add the user to group adm"));
    assert_non_null(strstr(kms_buf_str(&buf), "hello"));
    assert_int_equal(seen.started, 1);
    kms_buf_done(&buf);
    (void)close(peer);
}

static void who_may_read_may_not_change(void **state)
{
    (void)state;
    static const gid_t others[] = {50001, 50002, CLUB};
    struct desk desk;
    struct desk_options options = foreign();
    options.access.has_readers = options.access.has_operators = true;
    options.access.readers = geteuid() == 0 ? CLUB : getegid();
    options.access.operators = CLUB + 1;
    kms_text_copy(options.access.operators_name, sizeof options.access.operators_name, "adm");
    desk_open(&desk, &options);
    read_and_try_to_change(&desk, stranger(&desk, CLUB, NULL, 0));
    seen = (struct seen){0};
    read_and_try_to_change(&desk, stranger(&desk, STRANGER, others, KMS_COUNT_OF(others)));
    desk_close(&desk);
}

static void operators_read_and_change(void **state)
{
    (void)state;
    gid_t others[300]; /* more than are asked for at first */
    for (size_t i = 0; i < KMS_COUNT_OF(others); i++) {
        others[i] = (gid_t)(50000 + i);
    }
    others[KMS_COUNT_OF(others) - 1] = CLUB;
    struct desk desk;
    struct desk_options options = foreign();
    options.access.has_operators = true;
    options.access.operators = geteuid() == 0 ? CLUB : getegid();
    desk_open(&desk, &options);
    int peer = stranger(&desk, STRANGER, others, KMS_COUNT_OF(others));
    struct kms_buf buf;
    ask(&desk, peer, "{\"command\":\"change\"}\n{\"command\":\"hello\"}\n", 4, &buf);
    assert_int_equal(seen.started, 2);
    assert_non_null(strstr(desk.last, "control: change for user "));
    kms_buf_done(&buf);
    (void)close(peer);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(requests_that_come_at_once_are_answered_in_their_order),
        cmocka_unit_test(the_last_request_needs_no_line_end),
        cmocka_unit_test(garbage_is_refused_with_its_place),
        cmocka_unit_test(control_characters_do_not_come_back),
        cmocka_unit_test(a_request_without_end_is_cut_off),
        cmocka_unit_test(the_longest_request_is_taken),
        cmocka_unit_test(a_slow_reader_gets_all_and_little_is_rendered_ahead),
        cmocka_unit_test(a_long_answer_leaves_the_loop_to_others),
        cmocka_unit_test(a_line_that_is_too_long_fails_the_call),
        cmocka_unit_test(an_answer_that_memory_ran_out_for_breaks_off),
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(a_peer_that_goes_ends_its_call),
        cmocka_unit_test(a_peer_that_only_says_no_more_gets_its_answer),
        cmocka_unit_test(a_peer_that_goes_in_the_middle_of_an_answer_ends_it),
        cmocka_unit_test(calls_end_with_the_server),
        cmocka_unit_test(who_neither_asks_nor_reads_is_let_go),
        cmocka_unit_test(too_many_peers_are_told_so),
        cmocka_unit_test(peers_that_found_no_descriptor_are_served_later),
        cmocka_unit_test(a_foreign_user_is_refused_before_he_asks),
        cmocka_unit_test(a_foreign_user_learns_which_group_he_lacks),
        cmocka_unit_test(who_may_read_may_not_change),
        cmocka_unit_test(operators_read_and_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
