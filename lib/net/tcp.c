/* Non-blocking connects, one winner, and its bytes. */
#include "net/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define DRAIN_MAX ((size_t)1 << 20)

/* One address. */
struct attempt {
    struct kms_tcp *tcp;
    struct kms_address address;
    int fd;                  /* -1: not open */
    int error;               /* errno of the failure, 0: none yet */
    struct kms_watch *watch; /* NULL: not waited for */
};

struct kms_tcp {
    struct kms_loop *loop;
    struct kms_tcp_calls calls;
    void *arg;
    struct kms_timer *timer; /* starts the next attempt; later, tells a failed send */
    struct attempt attempt[KMS_TCP_ADDRESSES_MAX];
    size_t count, started;
    struct attempt *winner; /* NULL before connected */
    const uint8_t *unsent;
    size_t unsent_len;
    int send_error;
};

static void stop_watching(struct attempt *attempt)
{
    if (attempt->watch) {
        kms_watch_free(attempt->watch);
        attempt->watch = NULL;
    }
}

static void close_attempt(struct attempt *attempt)
{
    stop_watching(attempt);
    if (attempt->fd >= 0) {
        (void)close(attempt->fd);
        attempt->fd = -1;
    }
}

/* ---- connected ---- */

static void exchange(void *arg, int fd, unsigned ready);

static bool watch_winner(struct kms_tcp *tcp)
{
    struct attempt *winner = tcp->winner;
    unsigned wanted = KMS_READABLE | (tcp->unsent_len > 0 ? (unsigned)KMS_WRITABLE : 0U);
    stop_watching(winner);
    winner->watch = kms_watch_new(tcp->loop, winner->fd, wanted, exchange, tcp);
    return winner->watch != NULL;
}

/* 0, or the errno of a failure. */
static int send_more(struct kms_tcp *tcp)
{
    ssize_t sent = send(tcp->winner->fd, tcp->unsent, tcp->unsent_len, MSG_NOSIGNAL);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : errno;
    }
    tcp->unsent += sent;
    tcp->unsent_len -= (size_t)sent;
    return 0;
}

static void end(struct kms_tcp *tcp, int error)
{
    stop_watching(tcp->winner);
    kms_timer_stop(tcp->timer); /* a failed send waits for its turn */
    tcp->winner->error = error;
    tcp->calls.ended(tcp->arg, error);
}

static void receive(struct kms_tcp *tcp)
{
    uint8_t bytes[KMS_TCP_PIECE_MAX];
    ssize_t got = recv(tcp->winner->fd, bytes, sizeof bytes, 0);
    if (got > 0) {
        tcp->calls.received(tcp->arg, bytes, (size_t)got);
    } else if (got == 0) {
        end(tcp, 0);
    } else if (errno != EAGAIN && errno != EINTR) {
        end(tcp, errno);
    }
}

static void exchange(void *arg, int fd, unsigned ready)
{
    (void)fd;
    struct kms_tcp *tcp = arg;
    if ((ready & KMS_WRITABLE) && tcp->unsent_len > 0) {
        int error = send_more(tcp);
        if (error == 0 && tcp->unsent_len == 0 && !watch_winner(tcp)) {
            error = ENOMEM;
        }
        if (error != 0) {
            end(tcp, error);
            return;
        }
    }
    if (ready & KMS_READABLE) {
        receive(tcp);
    }
}

void kms_tcp_send(struct kms_tcp *tcp, const void *bytes, size_t len)
{
    tcp->unsent = bytes;
    tcp->unsent_len = len;
    tcp->send_error = send_more(tcp);
    if (tcp->send_error == 0 && tcp->unsent_len > 0 && !watch_winner(tcp)) {
        tcp->send_error = ENOMEM;
    }
    if (tcp->send_error != 0) {
        kms_timer_set(tcp->timer, 0);
    }
}

/* ---- connecting ---- */

/* What says most about the host: that nothing listens, then that something cut in, then silence. */
static int rank(int error)
{
    static const int telling[] = {ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, ECONNRESET, ECONNREFUSED};
    for (size_t i = 0; i < KMS_COUNT_OF(telling); i++) {
        if (telling[i] == error) {
            return (int)i + 1;
        }
    }
    return 0;
}

static int error_that_tells_most(const struct kms_tcp *tcp)
{
    int best = tcp->attempt[0].error;
    for (size_t i = 1; i < tcp->started; i++) {
        if (rank(tcp->attempt[i].error) > rank(best)) {
            best = tcp->attempt[i].error;
        }
    }
    return best;
}

static bool any_pending(const struct kms_tcp *tcp)
{
    for (size_t i = 0; i < tcp->started; i++) {
        if (tcp->attempt[i].fd >= 0) {
            return true;
        }
    }
    return false;
}

static void fail_attempt(struct attempt *attempt, int error)
{
    close_attempt(attempt);
    attempt->error = error;
}

/* A failure lets the next address start at once; after the last one it is the end. */
static void go_on(struct kms_tcp *tcp)
{
    if (tcp->started < tcp->count) {
        kms_timer_set(tcp->timer, 0);
    } else if (!any_pending(tcp)) {
        kms_timer_stop(tcp->timer);
        tcp->calls.ended(tcp->arg, error_that_tells_most(tcp));
    }
}

static void win(struct attempt *attempt)
{
    struct kms_tcp *tcp = attempt->tcp;
    kms_timer_stop(tcp->timer);
    for (size_t i = 0; i < tcp->started; i++) {
        if (&tcp->attempt[i] != attempt) {
            close_attempt(&tcp->attempt[i]);
        }
    }
    tcp->winner = attempt;
    if (watch_winner(tcp)) {
        tcp->calls.connected(tcp->arg);
    } else {
        end(tcp, ENOMEM);
    }
}

static void connect_ready(void *arg, int fd, unsigned ready)
{
    (void)ready;
    struct attempt *attempt = arg;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error == 0) {
        win(attempt);
        return;
    }
    fail_attempt(attempt, error);
    go_on(attempt->tcp);
}

/* 0, or the errno of a failure. A connect that succeeds at once is seen as writable like any other.
 */
static int begin(struct attempt *attempt)
{
    const struct kms_address *address = &attempt->address;
    attempt->fd = socket(kms_address_family(address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         0);
    if (attempt->fd < 0) {
        return errno;
    }
    if (connect(attempt->fd, &address->to.any, kms_address_len(address)) != 0 &&
        errno != EINPROGRESS && errno != EINTR) {
        return errno;
    }
    attempt->watch = kms_watch_new(attempt->tcp->loop, attempt->fd, KMS_WRITABLE, connect_ready,
                                   attempt);
    return attempt->watch ? 0 : ENOMEM;
}

static void timer_fired(void *arg)
{
    struct kms_tcp *tcp = arg;
    if (tcp->winner) {
        end(tcp, tcp->send_error);
        return;
    }
    struct attempt *attempt = &tcp->attempt[tcp->started++];
    int error = begin(attempt);
    if (error != 0) {
        fail_attempt(attempt, error);
        go_on(tcp);
    } else if (tcp->started < tcp->count) {
        kms_timer_set(tcp->timer, KMS_TCP_STAGGER_MS);
    }
}

/* The next address of from on that is, or is not, of the family; count when there is none. */
static size_t next_of(const struct kms_address *address, size_t count, size_t from, int family,
                      bool same)
{
    while (from < count && (kms_address_family(&address[from]) == family) != same) {
        from++;
    }
    return from;
}

/* RFC 8305 4: the first address's family first, then in turns. */
static void take_addresses(struct kms_tcp *tcp, const struct kms_address *address, size_t count)
{
    int family = kms_address_family(&address[0]);
    size_t same = 0;
    size_t other = next_of(address, count, 0, family, false);
    bool turn = true;
    while (tcp->count < KMS_TCP_ADDRESSES_MAX && (same < count || other < count)) {
        size_t *from = (turn && same < count) || other >= count ? &same : &other;
        tcp->attempt[tcp->count++] = (struct attempt){
            .tcp = tcp, .address = address[*from], .fd = -1};
        *from = next_of(address, count, *from + 1, family, from == &same);
        turn = !turn;
    }
}

struct kms_tcp *kms_tcp_connect(struct kms_loop *loop, const struct kms_address *address,
                                size_t count, const struct kms_tcp_calls *calls, void *arg)
{
    struct kms_tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp) {
        return NULL;
    }
    tcp->loop = loop;
    tcp->calls = *calls;
    tcp->arg = arg;
    tcp->timer = kms_timer_new(loop, timer_fired, tcp);
    if (!tcp->timer) {
        free(tcp);
        return NULL;
    }
    take_addresses(tcp, address, count);
    kms_timer_set(tcp->timer, 0);
    return tcp;
}

void kms_tcp_free(struct kms_tcp *tcp)
{
    if (!tcp) {
        return;
    }
    /* Bytes that nobody read would turn the FIN into a reset. */
    if (tcp->winner && tcp->winner->fd >= 0) {
        (void)recv(tcp->winner->fd, NULL, DRAIN_MAX, MSG_DONTWAIT | MSG_TRUNC);
    }
    for (size_t i = 0; i < tcp->started; i++) {
        close_attempt(&tcp->attempt[i]);
    }
    kms_timer_free(tcp->timer);
    free(tcp);
}

const struct kms_address *kms_tcp_peer(const struct kms_tcp *tcp)
{
    return tcp->winner ? &tcp->winner->address : NULL;
}

void kms_tcp_story(const struct kms_tcp *tcp, char *dst, size_t size)
{
    kms_text_copy(dst, size, "");
    for (size_t i = 0; i < tcp->started; i++) {
        const struct attempt *attempt = &tcp->attempt[i];
        const char *why = attempt->error ? strerrordesc_np(attempt->error) : "no answer";
        char address[KMS_ADDRESS_TEXT + 8];
        if (attempt == tcp->winner) {
            continue;
        }
        kms_address_port_text(&attempt->address, address, sizeof address);
        kms_text_append(dst, size, "%s%s: %s", dst[0] ? "; " : "", address, why ? why : "failed");
    }
}
