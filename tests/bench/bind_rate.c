/* How many binds a second: the rpc probe, or a bare epoll client that connects, sends the same
 * bytes and reads one answer. Usage: bind_rate probe|bare PORT COUNT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/address.h"
#include "probe/probe.h"
#include "rpc/bind.h"
#include "rpc/probe.h"

#define IN_FLIGHT 64

struct bench {
    struct kms_env env;
    struct kms_target target;
    uint64_t wanted, started, good, bad;
};

static void done(void *arg, const struct kms_result *result);

static void start_one(struct bench *bench)
{
    bench->started++;
    if (!kms_run_start(&bench->env, kms_rpc_probe(), &bench->target, done, bench)) {
        bench->bad++;
    }
}

static void done(void *arg, const struct kms_result *result)
{
    struct bench *bench = arg;
    if (kms_outcome_good(result->outcome)) {
        bench->good++;
    } else {
        bench->bad++;
    }
    if (bench->started < bench->wanted) {
        start_one(bench);
    } else if (bench->good + bench->bad == bench->wanted) {
        kms_loop_stop(bench->env.loop);
    }
}

static void run_probe(struct bench *bench)
{
    bench->env.loop = kms_loop_new(&bench->env.clock);
    if (!bench->env.loop) {
        exit(1);
    }
    while (bench->started < bench->wanted && bench->started < IN_FLIGHT) {
        start_one(bench);
    }
    kms_loop_run(bench->env.loop);
    kms_loop_free(bench->env.loop);
}

static void connect_one(struct bench *bench, int epoll, const struct kms_address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    bench->started++;
    if (fd < 0 ||
        (connect(fd, &address->to.any, kms_address_len(address)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("connect");
        exit(1);
    }
}

static void turn(struct bench *bench, int epoll, const struct epoll_event *event,
                 const uint8_t *bind)
{
    uint8_t answer[4096];
    int fd = event->data.fd;
    if (event->events & EPOLLOUT) {
        struct epoll_event next = {.events = EPOLLIN, .data.fd = fd};
        if (send(fd, bind, KMS_RPC_BIND_SIZE, MSG_NOSIGNAL) == KMS_RPC_BIND_SIZE &&
            epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &next) == 0) {
            return;
        }
        bench->bad++;
    } else if (recv(fd, answer, sizeof answer, 0) > 0) {
        bench->good++;
    } else {
        bench->bad++;
    }
    (void)close(fd);
}

static void run_bare(struct bench *bench, const struct kms_address *address)
{
    uint8_t bind[KMS_RPC_BIND_SIZE];
    struct epoll_event events[IN_FLIGHT];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    kms_rpc_bind_write(KMS_NDR32, bind);
    while (bench->good + bench->bad < bench->wanted) {
        while (bench->started < bench->wanted &&
               bench->started - bench->good - bench->bad < IN_FLIGHT) {
            connect_one(bench, epoll, address);
        }
        int count = epoll_wait(epoll, events, IN_FLIGHT, -1);
        for (int i = 0; i < count; i++) {
            turn(bench, epoll, &events[i], bind);
        }
    }
    (void)close(epoll);
}

int main(int argc, char **argv)
{
    struct bench bench = {.env.clock = kms_clock_system()};
    struct kms_address address;
    char host[] = "127.0.0.1";
    uint64_t port = 0;
    if (argc != 4 || !kms_text_u64(argv[2], &port) || port < 1 || port > 65535 ||
        !kms_text_u64(argv[3], &bench.wanted) || bench.wanted < 1 ||
        !kms_address_parse(host, (uint16_t)port, &address)) {
        (void)fputs("usage: bind_rate probe|bare PORT COUNT\n", stderr);
        return 2;
    }
    bench.target.name = host;
    bench.target.port = (int64_t)port;
    int64_t start_us = kms_clock_mono_us(&bench.env.clock);
    if (kms_text_equal(argv[1], "probe")) {
        run_probe(&bench);
    } else {
        run_bare(&bench, &address);
    }
    double seconds = (double)(kms_clock_mono_us(&bench.env.clock) - start_us) / 1000000;
    (void)printf("%-6s %8.0f binds/s, %llu good, %llu bad\n", argv[1],
                 (double)bench.wanted / seconds, (unsigned long long)bench.good,
                 (unsigned long long)bench.bad);
    return bench.bad == 0 ? 0 : 1;
}
