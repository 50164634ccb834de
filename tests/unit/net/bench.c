/* A client on a loop, commands, and ports. */
#include "unit/net/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

void bench_open(struct bench *bench)
{
    struct kms_clock clock = kms_clock_system();
    bench->loop = kms_loop_new(&clock);
    assert_non_null(bench->loop);
    bench->http = kms_http_new(bench->loop);
    assert_non_null(bench->http);
}

void bench_close(struct bench *bench)
{
    kms_http_session_free(bench->session);
    kms_http_free(bench->http);
    kms_loop_free(bench->loop);
}

bool bench_take(void *arg, const struct kms_http_reply *so_far, const void *bytes, size_t len)
{
    struct answer *answer = &((struct bench *)arg)->answer;
    assert_true(so_far->status >= 200);
    answer->pieces++;
    size_t fits = sizeof answer->body - 1 - answer->body_len;
    fits = len < fits ? len : fits;
    memcpy(answer->body + answer->body_len, bytes, fits);
    answer->body_len += fits;
    return true;
}

void bench_keep(struct answer *answer, const struct kms_http_reply *reply)
{
    answer->calls++;
    answer->reply = *reply;
    for (size_t i = 0; i < reply->challenge_count; i++) {
        size_t len = strlen(reply->challenge[i]);
        answer->longest_challenge = len > answer->longest_challenge ? len
                                                                    : answer->longest_challenge;
        (void)kms_text_copy(answer->challenges[i], sizeof answer->challenges[i],
                            reply->challenge[i]);
    }
    memset(answer->reply.challenge, 0, sizeof answer->reply.challenge);
}

void bench_done(void *arg, const struct kms_http_reply *reply)
{
    struct bench *bench = arg;
    bench_keep(&bench->answer, reply);
    kms_loop_stop(bench->loop);
}

struct kms_http_post bench_usual(struct bench *bench)
{
    return (struct kms_http_post){.body = "question",
                                  .len = 8,
                                  .content_type = "text/x-test",
                                  .authorization = bench->authorization,
                                  .size_max = 4000,
                                  .timeout_ms = 20000,
                                  .data = bench_take,
                                  .done = bench_done,
                                  .arg = bench};
}

void bench_post_with(struct bench *bench, const struct kms_http_post *post)
{
    bench->answer = (struct answer){0};
    assert_int_equal(kms_http_post(bench->session, post), KMS_OK);
    assert_int_equal(bench->answer.calls, 0);
    kms_loop_run(bench->loop);
    assert_int_equal(bench->answer.calls, 1);
}

void bench_post(struct bench *bench)
{
    const struct kms_http_post usual = bench_usual(bench);
    bench_post_with(bench, &usual);
}

void bench_session(struct bench *bench, const struct kms_http_server *server)
{
    kms_http_session_free(bench->session);
    bench->session = kms_http_session_new(bench->http, server);
    assert_non_null(bench->session);
}

void bench_expect(const struct bench *bench, enum kms_outcome outcome, long status)
{
    const struct kms_http_reply *reply = &bench->answer.reply;
    if (reply->outcome != outcome) {
        fail_msg("outcome %d, not %d: %s", (int)reply->outcome, (int)outcome, reply->detail);
    }
    assert_int_equal(reply->status, status);
}

int bench_listen(unsigned *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

extern char **environ;

pid_t bench_start(const char *const *argv)
{
    posix_spawn_file_actions_t quiet;
    pid_t pid = -1;
    if (posix_spawn_file_actions_init(&quiet) == 0) {
        (void)posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
        (void)posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
        (void)posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
        /* posix_spawn does not change the words, whatever its prototype says. */
        union {
            const char *const *ours;
            char *const *theirs;
        } words = {.ours = argv};
        if (posix_spawnp(&pid, argv[0], &quiet, NULL, words.theirs, environ) != 0) {
            pid = -1;
        }
        (void)posix_spawn_file_actions_destroy(&quiet);
    }
    return pid;
}

bool bench_run(const char *const *argv)
{
    pid_t pid = bench_start(argv);
    int how = -1;
    return pid > 0 && waitpid(pid, &how, 0) == pid && how == 0;
}
