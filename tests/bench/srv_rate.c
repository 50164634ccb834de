/* How many SRV lookups a second: the resolver's question, a whole domain (records and addresses),
 * or c-ares alone. Usage: srv_rate query|domain|bare PORT DOMAIN IN-FLIGHT COUNT */
#include <ares.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/text.h"
#include "dns/probe.h"
#include "net/resolve.h"

#define WAIT_MS 5000

struct bench {
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_resolver *resolver;
    char servers[64];
    const char *domain;
    char name[KMS_DNS_NAME_SIZE];
    uint64_t in_flight, wanted, started, good, bad;
    ares_channel ares;
    int epoll;
};

static void die(const char *text)
{
    (void)fprintf(stderr, "srv_rate: %s\n", text);
    exit(2);
}

static void count(struct bench *bench, bool good)
{
    bench->good += good ? 1 : 0;
    bench->bad += good ? 0 : 1;
    if (bench->loop && bench->good + bench->bad == bench->wanted) {
        kms_loop_stop(bench->loop);
    }
}

static void start_query(struct bench *bench);
static void start_domain(struct bench *bench);
static void start_bare(struct bench *bench);

static void query_done(void *arg, const struct kms_dns_reply *reply)
{
    struct bench *bench = arg;
    struct kms_srv_set set;
    struct kms_fault fault;
    bool good = reply->bytes &&
                kms_srv_read(reply->bytes, reply->len, bench->name, &set, &fault) == KMS_OUTCOME_OK;
    if (good) {
        good = set.count > 0;
        kms_srv_set_done(&set);
    }
    count(bench, good);
    start_query(bench);
}

static void start_query(struct bench *bench)
{
    if (bench->started == bench->wanted) {
        return;
    }
    bench->started++;
    if (!kms_resolve_query(bench->resolver, bench->name, KMS_DNS_SRV, WAIT_MS, query_done, bench)) {
        die("out of memory");
    }
}

static void domain_done(void *arg, const struct kms_dns_domain *domain)
{
    struct bench *bench = arg;
    count(bench, domain->outcome == KMS_OUTCOME_OK && domain->target_count > 0 &&
                     domain->target[0].outcome == KMS_OUTCOME_OK);
    start_domain(bench);
}

static void start_domain(struct bench *bench)
{
    if (bench->started == bench->wanted) {
        return;
    }
    bench->started++;
    if (!kms_dns_start(bench->resolver, bench->loop, bench->domain, WAIT_MS, domain_done, bench)) {
        die("out of memory");
    }
}

static void run_ours(struct bench *bench, void (*start)(struct bench *))
{
    const struct kms_resolver_setup setup = {.servers = bench->servers};
    struct kms_fault fault = {0};
    bench->loop = kms_loop_new(&bench->clock);
    if (!bench->loop || kms_resolver_new(bench->loop, &setup, &bench->resolver, &fault) != KMS_OK) {
        die(fault.text);
    }
    for (uint64_t i = 0; i < bench->in_flight; i++) {
        start(bench);
    }
    kms_loop_run(bench->loop);
    kms_resolver_free(bench->resolver);
    kms_loop_free(bench->loop);
}

static void bare_done(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct bench *bench = arg;
    (void)timeouts;
    struct ares_srv_reply *reply = NULL;
    bool good = status == ARES_SUCCESS && ares_parse_srv_reply(bytes, len, &reply) == ARES_SUCCESS;
    ares_free_data(reply);
    count(bench, good);
    start_bare(bench);
}

static void start_bare(struct bench *bench)
{
    if (bench->started == bench->wanted) {
        return;
    }
    bench->started++;
    ares_query(bench->ares, bench->name, 1, KMS_DNS_SRV, bare_done, bench);
}

static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct bench *bench = arg;
    struct epoll_event event = {.events = (readable ? (uint32_t)EPOLLIN : 0U) |
                                          (writable ? (uint32_t)EPOLLOUT : 0U),
                                .data.fd = fd};
    if (event.events == 0) {
        (void)epoll_ctl(bench->epoll, EPOLL_CTL_DEL, fd, NULL);
    } else if (epoll_ctl(bench->epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
        (void)epoll_ctl(bench->epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void run_bare(struct bench *bench)
{
    struct ares_options options = {
        .sock_state_cb = watch, .sock_state_cb_data = bench, .timeout = WAIT_MS};
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bench->epoll < 0 || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
        ares_init_options(&bench->ares, &options, ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS) !=
            ARES_SUCCESS ||
        ares_set_servers_ports_csv(bench->ares, bench->servers) != ARES_SUCCESS) {
        die("c-ares could not be started");
    }
    for (uint64_t i = 0; i < bench->in_flight; i++) {
        start_bare(bench);
    }
    while (bench->good + bench->bad < bench->wanted) {
        struct epoll_event events[16];
        int ready = epoll_wait(bench->epoll, events, 16, WAIT_MS);
        if (ready <= 0) {
            ares_process_fd(bench->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        }
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            ares_process_fd(bench->ares, events[i].events & EPOLLIN ? fd : ARES_SOCKET_BAD,
                            events[i].events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
        }
    }
    ares_destroy(bench->ares);
    ares_library_cleanup();
    (void)close(bench->epoll);
}

int main(int argc, char **argv)
{
    struct bench bench = {.clock = kms_clock_system()};
    uint64_t port = 0;
    if (argc != 6 || !kms_text_u64(argv[2], &port) || port < 1 || port > 65535 ||
        !kms_text_u64(argv[4], &bench.in_flight) || bench.in_flight < 1 ||
        !kms_text_u64(argv[5], &bench.wanted) || bench.wanted < 1) {
        die("usage: srv_rate query|domain|bare PORT DOMAIN IN-FLIGHT COUNT");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    bench.domain = argv[3];
    kms_text_format(bench.name, sizeof bench.name, KMS_SRV_PREFIX ".%s", bench.domain);
    kms_text_format(bench.servers, sizeof bench.servers, "127.0.0.1:%llu",
                    (unsigned long long)port);
    int64_t start_us = kms_clock_mono_us(&bench.clock);
    if (kms_text_equal(argv[1], "bare")) {
        run_bare(&bench);
    } else {
        run_ours(&bench, kms_text_equal(argv[1], "domain") ? start_domain : start_query);
    }
    double seconds = (double)(kms_clock_mono_us(&bench.clock) - start_us) / 1000000;
    (void)printf("%.0f %llu\n", (double)bench.wanted / seconds, (unsigned long long)bench.bad);
    return bench.bad == 0 ? 0 : 1;
}
