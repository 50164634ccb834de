/* What the tests of net/http share: a client on a loop, commands, and ports. */
#ifndef KMS_TESTS_NET_BENCH_H
#define KMS_TESTS_NET_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/loop.h"
#include "net/http_session.h"

struct answer {
    int calls, pieces;
    struct kms_http_reply reply; /* without challenges */
    char challenges[KMS_HTTP_SCHEMES_MAX][128];
    size_t longest_challenge;
    char body[4096];
    size_t body_len;
};

struct bench {
    struct kms_loop *loop;
    struct kms_http *http;
    struct kms_http_session *session;
    struct answer answer;
    const char *authorization; /* of usual posts; NULL: none */
};

void bench_open(struct bench *bench);
void bench_close(struct bench *bench);

/* The callbacks of usual posts; done stops the loop. */
bool bench_take(void *bench, const struct kms_http_reply *so_far, const void *bytes, size_t len);
void bench_done(void *bench, const struct kms_http_reply *reply);
void bench_keep(struct answer *answer, const struct kms_http_reply *reply);

struct kms_http_post bench_usual(struct bench *bench);
void bench_post_with(struct bench *bench, const struct kms_http_post *post);
void bench_post(struct bench *bench);
/* In place of the session that there is. */
void bench_session(struct bench *bench, const struct kms_http_server *server);
void bench_expect(const struct bench *bench, enum kms_outcome outcome, long status);

int bench_listen(unsigned *ret_port); /* on 127.0.0.1 */
/* Its outputs go nowhere; -1: it could not be started. */
pid_t bench_start(const char *const *argv);
bool bench_run(const char *const *argv);

#endif
