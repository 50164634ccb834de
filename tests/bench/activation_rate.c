/* How many activation requests a second: the whole probe with identity and memory, of hosts that
 * are known from half an hour ago (probe) or that nobody asked before (first); or a bare epoll
 * client that connects, sends the same bytes and reads the answers; and what a probe that waits
 * takes of memory. Every request goes to an address of its own, since the memory lets no second one
 * out. Usage: activation_rate probe|first|exchange|bare|echo|hold FILE:CONNECTION STATE-FOLDER
 * COUNT IN-FLIGHT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/entropy.h"
#include "base/file.h"
#include "base/text.h"
#include "machine.h"
#include "net/address.h"
#include "probe/worker.h"
#include "replay.h"
#include "rpc/activation.h"
#include "rpc/call.h"
#include "rpc/identity.h"
#include "rpc/plan.h"
#include "rpc/reply.h"
#include "rpc/session.h"
#include "vocab/product.h"

#define THREADS       16 /* of the worker, as the agent has */
#define GRACE_MS      20000
#define TIMEOUT_MS    60000 /* the disk may be slow: the bench is about rates */
#define IN_FLIGHT_MAX 4000
#define EVENTS        64

struct bench;

struct slot {
    struct bench *bench;
    struct kms_target target;
    char name[16];
    size_t turn; /* of the bare client */
    /* Of the exchange alone. */
    struct kms_session *session;
    struct kms_ask ask;
    uint8_t request[KMS_CALL_MAX];
    struct kms_call call;
};

struct bench {
    struct kms_env env;
    struct recording recording;
    struct replay replay;
    struct slot *slot;
    size_t turns;
    uint64_t wanted, in_flight, started, good, bad;
    int64_t rss_kb, heap; /* before the probes that wait */
    const struct kms_product *product;
    struct kms_guid cmid;
};

/* The number-th address of its own: 127.1.0.1 and on. */
static void address_of(uint64_t number, char *dst, size_t size)
{
    kms_text_format(dst, size, "127.%u.%u.%u", (unsigned)(1 + number / 62500),
                    (unsigned)(number / 250 % 250), (unsigned)(1 + number % 250));
}

/* ---- the probe ---- */

static void done(void *arg, const struct kms_result *result);

static void start_one(struct slot *slot)
{
    struct bench *bench = slot->bench;
    address_of(bench->started++, slot->name, sizeof slot->name);
    if (!kms_run_start(&bench->env, kms_activation_probe(), &slot->target, done, slot)) {
        bench_die("no memory");
    }
}

static void done(void *arg, const struct kms_result *result)
{
    struct slot *slot = arg;
    struct bench *bench = slot->bench;
    if (kms_outcome_good(result->outcome)) {
        bench->good++;
    } else if (bench->bad++ == 0) {
        (void)fprintf(stderr, "%s: %s\n", slot->name, result->detail);
    }
    if (bench->started < bench->wanted) {
        start_one(slot);
    } else if (bench->good + bench->bad == bench->wanted) {
        kms_loop_stop(bench->env.loop);
    }
}

static void run_probes(struct bench *bench)
{
    for (size_t i = 0; i < bench->in_flight && bench->started < bench->wanted; i++) {
        start_one(&bench->slot[i]);
    }
    kms_loop_run(bench->env.loop);
}

/* Every host is asked once, and then the interval is over. */
static void meet_hosts(struct bench *bench)
{
    char later[24];
    run_probes(bench);
    if (bench->bad > 0) {
        bench_die("hosts did not answer");
    }
    bench->started = bench->good = 0;
    kms_text_format(later, sizeof later, "%d", (int)KMS_PLAN_INTERVAL_S);
    if (setenv("KMS_RECORDED_LATER_S", later, 1) != 0) {
        bench_die("later");
    }
}

static void open_probes(struct bench *bench)
{
    bench->env.loop = kms_loop_new(&bench->env.clock);
    bench->env.worker = bench->env.loop ? kms_worker_new(bench->env.loop, THREADS) : NULL;
    bench->slot = calloc(bench->in_flight, sizeof *bench->slot);
    if (!bench->env.worker || !bench->slot) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < bench->in_flight; i++) {
        struct slot *slot = &bench->slot[i];
        slot->bench = bench;
        slot->target.name = slot->name;
        slot->target.port = bench->replay.port;
        struct kms_source_config *config = &slot->target.source[KMS_SOURCE_ACTIVATION];
        config->enabled = true;
        config->timeout_ms = TIMEOUT_MS;
        config->product = getenv("KMS_RECORDED_SKU");
    }
}

static void close_probes(struct bench *bench)
{
    kms_worker_free(bench->env.worker, GRACE_MS);
    kms_loop_free(bench->env.loop);
    free(bench->slot);
}

/* ---- the exchange alone: no plan, no identity, no memory, so no disk ---- */

static void exchange_ended(struct slot *slot, bool good);

static void exchange_failed(void *arg, enum kms_outcome outcome, const char *detail)
{
    (void)outcome;
    (void)fprintf(stderr, "%s\n", detail);
    exchange_ended(arg, false);
}

static void exchange_bound(void *arg)
{
    struct slot *slot = arg;
    const struct bench *bench = slot->bench;
    uint8_t message[KMS_ASK_MAX];
    char workstation[KMS_WORKSTATION_SIZE];
    const struct kms_step step = {.product = bench->product};
    kms_workstation(NULL, workstation);
    kms_plan_ask(&step, &bench->cmid, workstation, 0, &slot->ask);
    (void)kms_entropy(slot->ask.iv, sizeof slot->ask.iv);
    size_t len = kms_ask_write(&slot->ask, message);
    slot->ask.workstation = NULL;
    len = kms_call_write(KMS_NDR32, 0, KMS_RPC_CALL_ID, message, len, slot->request);
    kms_call_init(&slot->call, KMS_NDR32, KMS_RPC_CALL_ID);
    kms_session_send(slot->session, slot->request, len);
}

static void exchange_pdu(void *arg, const uint8_t *bytes, size_t len)
{
    struct slot *slot = arg;
    if (kms_call_read(&slot->call, bytes, len) == KMS_CALL_DONE) {
        struct kms_reply reply = kms_reply_read(slot->call.message, slot->call.message_len,
                                                &slot->ask);
        exchange_ended(slot, reply.outcome == KMS_OUTCOME_OK);
    }
}

static void start_exchange(struct slot *slot)
{
    static const struct kms_session_calls calls = {exchange_bound, exchange_pdu, exchange_failed};
    struct bench *bench = slot->bench;
    address_of(bench->started++, slot->name, sizeof slot->name);
    slot->session = kms_session_open(&bench->env, &slot->target, KMS_SOURCE_ACTIVATION, &calls,
                                     slot);
    if (!slot->session) {
        bench_die("no memory");
    }
}

static void exchange_ended(struct slot *slot, bool good)
{
    struct bench *bench = slot->bench;
    kms_session_free(slot->session);
    bench->good += good ? 1 : 0;
    bench->bad += good ? 0 : 1;
    if (bench->started < bench->wanted) {
        start_exchange(slot);
    } else if (bench->good + bench->bad == bench->wanted) {
        kms_loop_stop(bench->env.loop);
    }
}

static void run_exchanges(struct bench *bench)
{
    bench->product = kms_product_find(NULL, getenv("KMS_RECORDED_SKU"));
    if (!bench->product || !kms_guid_parse(getenv("KMS_RECORDED_CMID"), &bench->cmid)) {
        bench_die("a recording of an unknown product");
    }
    for (size_t i = 0; i < bench->in_flight && bench->started < bench->wanted; i++) {
        start_exchange(&bench->slot[i]);
    }
    kms_loop_run(bench->env.loop);
}

/* ---- memory ---- */

/* All of them wait for the answer to their request. */
static void all_held(void *arg, int fd, unsigned ready)
{
    struct bench *bench = arg;
    char byte;
    (void)ready;
    if (recv(fd, &byte, 1, 0) != 1) {
        bench_die("the endpoint ended");
    }
    int64_t heap = bench_heap() - bench->heap;
    (void)printf("hold   %" PRIu64 " in flight: resident +%" PRId64 " kB, heap %" PRId64
                 " bytes each\n",
                 bench->wanted, bench_rss_kb() - bench->rss_kb, heap / (int64_t)bench->wanted);
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
        bench_die("the endpoint ended");
    }
}

static void run_held(struct bench *bench)
{
    struct kms_watch *watch = kms_watch_new(bench->env.loop, bench->replay.control, KMS_READABLE,
                                            all_held, bench);
    if (!watch) {
        bench_die("no memory");
    }
    bench->heap = bench_heap();
    bench->rss_kb = bench_rss_kb();
    run_probes(bench);
    kms_watch_free(watch);
}

/* ---- the bare client ---- */

static void connect_one(struct bench *bench, int epoll)
{
    char name[16];
    struct kms_address address;
    address_of(bench->started++, name, sizeof name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (fd < 0 || fd >= IN_FLIGHT_MAX || !kms_address_parse(name, bench->replay.port, &address) ||
        (connect(fd, &address.to.any, kms_address_len(&address)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        bench_die("connect");
    }
    bench->slot[fd].turn = 0;
}

static bool ask(struct bench *bench, int fd)
{
    const struct pdu *pdu = &bench->recording.asked[bench->slot[fd].turn];
    return send(fd, pdu->bytes, pdu->len, MSG_NOSIGNAL) == (ssize_t)pdu->len;
}

/* True: the connection goes on. */
static bool take_turn(struct bench *bench, int epoll, const struct epoll_event *event)
{
    uint8_t answer[KMS_RPC_PDU_MAX];
    int fd = event->data.fd;
    struct epoll_event next = {.events = EPOLLIN, .data.fd = fd};
    if (event->events & EPOLLOUT) {
        return ask(bench, fd) && epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &next) == 0;
    }
    size_t turn = bench->slot[fd].turn++;
    if (recv(fd, answer, sizeof answer, 0) != (ssize_t)bench->recording.answered[turn].len) {
        return false;
    }
    if (turn + 1 == bench->turns) {
        bench->good++;
        return false;
    }
    return ask(bench, fd);
}

static void run_bare(struct bench *bench)
{
    struct epoll_event event[EVENTS];
    uint64_t ended = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    while (ended < bench->wanted) {
        while (bench->started < bench->wanted && bench->started - ended < bench->in_flight) {
            connect_one(bench, epoll);
        }
        int count = epoll_wait(epoll, event, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (!take_turn(bench, epoll, &event[i])) {
                (void)close(event[i].data.fd);
                ended++;
            }
        }
    }
    bench->bad = ended - bench->good;
    (void)close(epoll);
}

/* ---- the run ---- */

static void remember_input(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0) {
        bench_die(name);
    }
}

/* The monitor's client id is the recorded one: the request is the recorded one then. */
static void write_cmid(const char *folder)
{
    char path[512], line[64];
    struct kms_fault fault = {.text = ""};
    kms_text_format(path, sizeof path, "%s/cmid", folder);
    kms_text_format(line, sizeof line, "%s\n", getenv("KMS_RECORDED_CMID"));
    if (kms_file_replace(path, line, strlen(line), 0600, &fault) != KMS_OK) {
        (void)fprintf(stderr, "%s\n", fault.text);
        exit(1);
    }
}

static void measure(struct bench *bench, const char *what)
{
    bool bare = bench->turns > 0;
    bool held = kms_text_equal(what, "hold");
    if (!bare) {
        open_probes(bench);
    } else if (!(bench->slot = calloc(IN_FLIGHT_MAX, sizeof *bench->slot))) {
        bench_die("no memory");
    }
    if (kms_text_equal(what, "probe")) {
        meet_hosts(bench);
    }
    int64_t start_us = kms_clock_mono_us(&bench->env.clock), used_us = bench_processor_us();
    if (bare) {
        run_bare(bench);
        free(bench->slot);
    } else if (kms_text_equal(what, "exchange")) {
        run_exchanges(bench);
    } else {
        (held ? run_held : run_probes)(bench);
    }
    double count = (double)bench->wanted;
    double took_us = (double)(kms_clock_mono_us(&bench->env.clock) - start_us);
    if (!held) {
        (void)printf("%-6s %.0f requests/s, %.1f us of a processor each, %" PRIu64 " good, %" PRIu64
                     " bad\n",
                     what, count * 1000000 / took_us,
                     (double)(bench_processor_us() - used_us) / count, bench->good, bench->bad);
    }
    if (!bare) {
        close_probes(bench);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *wrong =
        argc != 6 || !kms_text_u64(argv[4], &bench.wanted) || bench.wanted < 1 ||
                bench.wanted > 1000000 || !kms_text_u64(argv[5], &bench.in_flight) ||
                bench.in_flight < 1 || bench.in_flight > IN_FLIGHT_MAX - 64
            ? "activation_rate probe|first|exchange|bare|echo|hold FILE:CONNECTION STATE-FOLDER "
              "COUNT IN-FLIGHT"
            : recording_load(argv[2], &bench.recording, remember_input);
    if (wrong) {
        (void)fprintf(stderr, "usage: %s\n", wrong);
        return 2;
    }
    bool held = kms_text_equal(argv[1], "hold");
    bench.turns = kms_text_equal(argv[1], "bare") ? 2 : kms_text_equal(argv[1], "echo") ? 1 : 0;
    bench.env.clock = kms_clock_system();
    bench.env.state_dir = argv[3];
    bench_allow_many_files();
    write_cmid(argv[3]);
    bench_stay_on(false);
    bench.replay = replay_start(&bench.recording, held ? (size_t)bench.wanted : 0);
    bench_stay_on(true);
    measure(&bench, argv[1]);
    (void)close(bench.replay.control);
    return bench.bad == 0 ? 0 : 1;
}
