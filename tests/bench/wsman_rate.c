/* How many hosts a second are polled over WS-Management, over TLS with a name and a password: the
 * whole probe, or a bare libcurl multi client that sends the same requests over one connection for
 * each poll and drops the answers; and what a poll that waits takes of memory. Usage:
 * wsman_rate record FOLDER PORT: asks the endpoint there, and keeps its answers in the folder;
 * wsman_rate probe|bare|hold-probe|hold-bare FOLDER COUNT IN-FLIGHT. The folder has ca.pem,
 * cert.pem, key.pem and password. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "machine.h"
#include "net/http.h"
#include "soap_replay.h"
#include "wsman/envelope.h"
#include "wsman/logins.h"
#include "wsman/probe.h"

#define USER          "monitor"
#define TIMEOUT_MS    120000 /* the machine may have other work: the bench is about rates */
#define GRACE_MS      20000
#define MESSAGE_MAX   ((size_t)1024 * 1024)
#define IN_FLIGHT_MAX 4000
#define EVENTS        64

struct bench;

struct slot {
    struct bench *bench;
    struct kms_target target;
    char name[32], url[64];
    /* Of the bare client. */
    CURL *easy;
    size_t query;
};

struct bench {
    struct kms_env env;
    struct soap_recording recording;
    struct soap_replay replay;
    char ca[512], password_file[512], password[KMS_SECRET_SIZE];
    struct kms_credentials credentials;
    struct slot *slot;
    uint64_t wanted, in_flight, started, good, bad;
    bool held;
    int64_t rss_kb, heap; /* before the polls that wait */
    /* Of the bare client. */
    CURLM *multi;
    struct curl_slist *lines;
    int epoll;
    int64_t wake_us; /* when libcurl wants to be called; negative: not at all */
};

/* ---- files ---- */

static void path_of(char *dst, size_t size, const char *folder, const char *name)
{
    if (!kms_text_format(dst, size, "%s/%s", folder, name)) {
        bench_die("a path that is too long");
    }
}

static void message_path(char *dst, size_t size, const char *folder, size_t query, const char *what)
{
    char name[32];
    kms_text_format(name, sizeof name, "%zu.%s", query, what);
    path_of(dst, size, folder, name);
}

static void load(const char *folder, size_t query, const char *what, struct kms_buf *ret)
{
    char path[512];
    message_path(path, sizeof path, folder, query, what);
    kms_buf_init(ret, MESSAGE_MAX);
    if (kms_file_read(path, ret, NULL, NULL) != KMS_OK || ret->len == 0) {
        bench_die(path);
    }
}

static void keep(const char *folder, size_t query, const char *what, const struct kms_buf *message)
{
    char path[512];
    struct kms_fault fault = {.text = ""};
    message_path(path, sizeof path, folder, query, what);
    if (kms_file_replace(path, message->data, message->len, 0600, &fault) != KMS_OK) {
        bench_die(fault.text);
    }
}

static void know_folder(struct bench *bench, const char *folder)
{
    struct kms_fault fault = {.text = ""};
    path_of(bench->ca, sizeof bench->ca, folder, "ca.pem");
    path_of(bench->password_file, sizeof bench->password_file, folder, "password");
    if (kms_secret_read(bench->password_file, 1, bench->password, &fault) != KMS_OK) {
        bench_die(fault.text);
    }
}

/* ---- memory ---- */

static void tell_held(const struct bench *bench)
{
    int64_t heap = bench_heap() - bench->heap;
    (void)printf("hold   %" PRIu64 " in flight: resident +%" PRId64 " kB, heap %" PRId64
                 " bytes each\n",
                 bench->wanted, bench_rss_kb() - bench->rss_kb, heap / (int64_t)bench->wanted);
}

/* All of them wait for the answer to their last request. */
static void all_held(void *arg, int fd, unsigned ready)
{
    char byte;
    (void)ready;
    if (recv(fd, &byte, 1, 0) != 1) {
        bench_die("the endpoint ended");
    }
    tell_held(arg);
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
        bench_die("the endpoint ended");
    }
}

/* ---- the probe ---- */

static void done(void *arg, const struct kms_result *result);

static void start_probe(struct slot *slot)
{
    struct bench *bench = slot->bench;
    bench->started++;
    if (!kms_run_start(&bench->env, kms_wsman_probe(), &slot->target, done, slot)) {
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
        (void)fprintf(stderr, "%s: %s %s\n", slot->name, kms_outcome_row(result->outcome)->token,
                      result->detail);
    }
    if (bench->started < bench->wanted) {
        start_probe(slot);
    } else if (bench->good + bench->bad == bench->wanted) {
        kms_loop_stop(bench->env.loop);
    }
}

static void open_probes(struct bench *bench)
{
    static char user[] = USER, block[] = "bench";
    bench->env.loop = kms_loop_new(&bench->env.clock);
    bench->env.http = bench->env.loop ? kms_http_new(bench->env.loop) : NULL;
    bench->env.logins = bench->env.loop
                            ? kms_logins_new(bench->env.loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY)
                            : NULL;
    if (!bench->env.http || !bench->env.logins) {
        bench_die("no memory");
    }
    bench->credentials = (struct kms_credentials){
        .name = block, .auth = KMS_AUTH_BASIC, .user = user, .password_file = bench->password_file};
    for (size_t i = 0; i < bench->in_flight; i++) {
        struct slot *slot = &bench->slot[i];
        struct kms_source_config *config = &slot->target.source[KMS_SOURCE_WSMAN];
        slot->target.name = slot->name;
        slot->target.origin = KMS_ORIGIN_CONFIGURED;
        config->enabled = true;
        config->url = slot->url;
        config->ca_file = bench->ca;
        config->credentials = &bench->credentials;
        config->timeout_ms = TIMEOUT_MS;
    }
}

static void run_probes(struct bench *bench)
{
    struct kms_watch *watch = kms_watch_new(bench->env.loop, bench->replay.control, KMS_READABLE,
                                            all_held, bench);
    if (!watch) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < bench->in_flight && bench->started < bench->wanted; i++) {
        start_probe(&bench->slot[i]);
    }
    kms_loop_run(bench->env.loop);
    kms_watch_free(watch);
}

static void close_probes(struct bench *bench)
{
    kms_logins_free(bench->env.logins, GRACE_MS);
    kms_http_free(bench->env.http);
    kms_loop_free(bench->env.loop);
}

/* ---- the bare client ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    const struct bench *bench = arg;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0U) |
                                          (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0U),
                                .data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(bench->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(bench->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0) {
        bench_die("epoll");
    }
    (void)curl_multi_assign(bench->multi, fd, arg);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct bench *bench = arg;
    (void)multi;
    bench->wake_us = timeout_ms < 0 ? -1 : kms_clock_mono_us(&bench->env.clock) + timeout_ms * 1000;
    return 0;
}

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes, (void)arg;
    return size * count;
}

/* The connection of a poll is its own, as the probe's: made for the first request, closed behind
 * the last. */
static void post_bare(const struct slot *slot)
{
    const struct kms_buf *request = &slot->bench->recording.request[slot->query];
    bool first = slot->query == 0, last = slot->query + 1 == KMS_WSMAN_Q_COUNT;
    CURL *easy = slot->easy;
    if (curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, first ? 1L : 0L) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, last ? 1L : 0L) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->len) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->data) != CURLE_OK ||
        curl_multi_add_handle(slot->bench->multi, easy) != CURLM_OK) {
        bench_die("no memory");
    }
}

static void start_bare(struct slot *slot)
{
    slot->bench->started++;
    slot->query = 0;
    post_bare(slot);
}

static void end_bare(struct slot *slot, CURLcode code)
{
    struct bench *bench = slot->bench;
    long status = 0;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(bench->multi, slot->easy);
    bool good = code == CURLE_OK && status == 200;
    if (good && ++slot->query < KMS_WSMAN_Q_COUNT) {
        post_bare(slot);
        return;
    }
    if (!good && bench->bad == 0) {
        (void)fprintf(stderr, "%s: %s, status %ld\n", slot->name, curl_easy_strerror(code), status);
    }
    bench->good += good ? 1 : 0;
    bench->bad += good ? 0 : 1;
    if (bench->started < bench->wanted) {
        start_bare(slot);
    }
}

static void take_ended(const struct bench *bench)
{
    int queued;
    for (CURLMsg *msg = curl_multi_info_read(bench->multi, &queued); msg;
         msg = curl_multi_info_read(bench->multi, &queued)) {
        struct slot *slot = NULL;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &slot) == CURLE_OK) {
            end_bare(slot, msg->data.result);
        }
    }
}

static bool set_bare(CURL *easy, const struct bench *bench)
{
    /* Without a folder of CAs libcurl reads the file once for all connections. */
    return curl_easy_setopt(easy, CURLOPT_CAINFO, bench->ca) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERPWD, USER ":") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PASSWORD, bench->password) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, bench->lines) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
}

static void open_slot(struct slot *slot)
{
    slot->easy = curl_easy_init();
    if (!slot->easy || !set_bare(slot->easy, slot->bench) ||
        curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url) != CURLE_OK ||
        curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, drop) != CURLE_OK ||
        curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot) != CURLE_OK) {
        bench_die("no memory");
    }
}

static void open_bare(struct bench *bench)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = bench->replay.control};
    bench->multi = curl_multi_init();
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    bench->wake_us = -1;
    bench->lines = curl_slist_append(NULL, "Content-Type: " KMS_WSMAN_CONTENT_TYPE);
    if (!bench->multi || !bench->lines ||
        epoll_ctl(bench->epoll, EPOLL_CTL_ADD, bench->replay.control, &event) != 0 ||
        curl_multi_setopt(bench->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
        curl_multi_setopt(bench->multi, CURLMOPT_SOCKETDATA, bench) != CURLM_OK ||
        curl_multi_setopt(bench->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
        curl_multi_setopt(bench->multi, CURLMOPT_TIMERDATA, bench) != CURLM_OK) {
        bench_die("no memory");
    }
}

static int wait_ms(const struct bench *bench)
{
    int64_t left_us = bench->wake_us - kms_clock_mono_us(&bench->env.clock);
    return bench->wake_us < 0 ? -1 : left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
}

static void run_bare(struct bench *bench)
{
    struct epoll_event event[EVENTS];
    int running;
    for (size_t i = 0; i < bench->in_flight && bench->started < bench->wanted; i++) {
        open_slot(&bench->slot[i]);
        start_bare(&bench->slot[i]);
    }
    while (bench->good + bench->bad < bench->wanted) {
        int count = epoll_wait(bench->epoll, event, EVENTS, wait_ms(bench));
        for (int i = 0; i < count; i++) {
            if (event[i].data.fd == bench->replay.control) {
                all_held(bench, bench->replay.control, 0);
                continue;
            }
            int what = (event[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (event[i].events & ~(unsigned)EPOLLOUT ? CURL_CSELECT_IN : 0);
            (void)curl_multi_socket_action(bench->multi, event[i].data.fd, what, &running);
        }
        if (bench->wake_us >= 0 && wait_ms(bench) == 0) {
            bench->wake_us = -1;
            (void)curl_multi_socket_action(bench->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        take_ended(bench);
    }
}

static void close_bare(struct bench *bench)
{
    for (size_t i = 0; i < bench->in_flight; i++) {
        curl_easy_cleanup(bench->slot[i].easy);
    }
    (void)curl_multi_cleanup(bench->multi);
    curl_slist_free_all(bench->lines);
    (void)close(bench->epoll);
}

/* ---- a recording ---- */

static void write_request(const char *url, size_t query, struct kms_buf *ret)
{
    const struct kms_wsman_address address = {.to = url,
                                              .resource_uri = KMS_WSMAN_CIMV2_ALL,
                                              .message_id = {{0x11, 0x11, 0x22, 0x22}},
                                              .operation_timeout_ms = 34000,
                                              .envelope_max = 153600};
    kms_buf_init(ret, MESSAGE_MAX);
    if (kms_wsman_write_enumerate(&address,
                                  kms_wsman_query((enum kms_wsman_query)query, KMS_WSMAN_TIER_63),
                                  0, ret) != KMS_OK) {
        bench_die("no memory");
    }
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
    return kms_buf_add(arg, bytes, size * count) == KMS_OK ? size * count : 0;
}

static void record(struct bench *bench, const char *folder, uint64_t port)
{
    char url[64];
    long status = 0;
    CURL *easy = curl_easy_init();
    bench->lines = curl_slist_append(NULL, "Content-Type: " KMS_WSMAN_CONTENT_TYPE);
    kms_text_format(url, sizeof url, "https://localhost:%" PRIu64 "/wsman", port);
    if (!easy || !bench->lines || !set_bare(easy, bench) ||
        curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) != CURLE_OK) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
        struct kms_buf request, answer;
        write_request(url, i, &request);
        kms_buf_init(&answer, MESSAGE_MAX);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request.len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.data);
        CURLcode code = curl_easy_perform(easy);
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200) {
            (void)fprintf(stderr, "%s, status %ld\n", curl_easy_strerror(code), status);
            exit(1);
        }
        keep(folder, i, "request", &request);
        keep(folder, i, "answer", &answer);
        kms_buf_done(&request);
        kms_buf_done(&answer);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(bench->lines);
}

/* ---- the run ---- */

static void make_slots(struct bench *bench)
{
    bench->slot = calloc(bench->in_flight, sizeof *bench->slot);
    if (!bench->slot) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < bench->in_flight; i++) {
        struct slot *slot = &bench->slot[i];
        slot->bench = bench;
        /* libcurl knows the address of names below localhost. */
        kms_text_format(slot->name, sizeof slot->name, "kms%zu.bench.localhost", i);
        kms_text_format(slot->url, sizeof slot->url, "https://%s:%u/wsman", slot->name,
                        (unsigned)bench->replay.port);
    }
}

static void measure(struct bench *bench, const char *what)
{
    bool bare = kms_text_equal(what, "bare") || kms_text_equal(what, "hold-bare");
    make_slots(bench);
    (bare ? open_bare : open_probes)(bench);
    bench->heap = bench_heap();
    bench->rss_kb = bench_rss_kb();
    int64_t start_us = kms_clock_mono_us(&bench->env.clock), used_us = bench_processor_us();
    (bare ? run_bare : run_probes)(bench);
    double count = (double)bench->wanted;
    double took_us = (double)(kms_clock_mono_us(&bench->env.clock) - start_us);
    if (!bench->held) {
        (void)printf("%-6s %.0f polls/s, %.1f us of a processor each, %" PRIu64 " good, %" PRIu64
                     " bad\n",
                     what, count * 1000000 / took_us,
                     (double)(bench_processor_us() - used_us) / count, bench->good, bench->bad);
    }
    (bare ? close_bare : close_probes)(bench);
    free(bench->slot);
}

static void run(struct bench *bench, const char *what, const char *folder)
{
    char certificate[512], key[512];
    path_of(certificate, sizeof certificate, folder, "cert.pem");
    path_of(key, sizeof key, folder, "key.pem");
    for (size_t i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
        load(folder, i, "request", &bench->recording.request[i]);
        load(folder, i, "answer", &bench->recording.answer[i]);
    }
    bench->held = kms_text_starts(what, "hold-");
    bench_allow_many_files();
    bench_stay_on(false);
    bench->replay = soap_replay_start(&bench->recording, certificate, key,
                                      bench->held ? (size_t)bench->wanted : 0);
    bench_stay_on(true);
    measure(bench, what);
    (void)close(bench->replay.control);
    for (size_t i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
        kms_buf_done(&bench->recording.request[i]);
        kms_buf_done(&bench->recording.answer[i]);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bool recording = argc == 4 && kms_text_equal(argv[1], "record");
    if ((!recording && argc != 5) || !kms_text_u64(argv[3], &bench.wanted) || bench.wanted < 1 ||
        bench.wanted > 1000000 ||
        (!recording && (!kms_text_u64(argv[4], &bench.in_flight) || bench.in_flight < 1 ||
                        bench.in_flight > IN_FLIGHT_MAX))) {
        (void)fprintf(stderr, "usage: wsman_rate record FOLDER PORT | "
                              "probe|bare|hold-probe|hold-bare FOLDER COUNT IN-FLIGHT\n");
        return 2;
    }
    bench.env.clock = kms_clock_system();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    know_folder(&bench, argv[2]);
    if (recording) {
        record(&bench, argv[2], bench.wanted);
    } else {
        run(&bench, argv[1], argv[2]);
    }
    curl_global_cleanup();
    return bench.bad == 0 ? 0 : 1;
}
