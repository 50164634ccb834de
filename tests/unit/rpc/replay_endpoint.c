/* A TCP endpoint that speaks only recorded bytes: answers a PDU that is byte for byte the recorded
 * one with the recorded answer, and closes on any other. It composes nothing. Usage:
 * replay_endpoint MODE LOG FILE:CONNECTION[=FILE:CONNECTION]...; the second one has the answers
 * where the first has other ones. In mode close it hangs up behind the answer to a call; prints its
 * port and the inputs of the first recording as shell variables, writes a line to LOG for each PDU,
 * ends with standard input. */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/text.h"
#include "recording.h"

#define RECORDINGS_MAX 16
#define WAIT_MS        10000

enum mode { PLAIN, BYTES, JOINED, CLOSE, MODES };
static const char *const mode_names[MODES] = {"plain", "bytes", "joined", "close"};

struct replay {
    enum mode mode;
    struct recording recording[RECORDINGS_MAX];
    size_t count;
    FILE *log;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "replay_endpoint: %s\n", what);
    exit(2);
}

/* ---- the recordings ---- */

static void print_input(const char *name, const char *value)
{
    (void)printf("%s=%s\n", name, value);
}

static void load(struct replay *replay, const char *name)
{
    if (replay->count == RECORDINGS_MAX) {
        die("too many recordings");
    }
    static struct recording other;
    struct recording *recording = &replay->recording[replay->count];
    const char *answers = strchr(name, '=');
    char asked[512];
    kms_text_format(asked, sizeof asked, "%.*s",
                    (int)(answers ? (size_t)(answers - name) : strlen(name)), name);
    const char *wrong = recording_load(asked, recording, replay->count == 0 ? print_input : NULL);
    if (!wrong && answers) {
        wrong = recording_load(answers + 1, &other, NULL);
        memcpy(recording->answered, other.answered, sizeof recording->answered);
        recording->answered_count = other.answered_count;
    }
    if (wrong) {
        die(wrong);
    }
    replay->count++;
}

/* ---- a connection ---- */

static bool receive(int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&ready, 1, WAIT_MS) == 1 ? recv(fd, bytes, len, 0) : 0;
        if (got <= 0) {
            return false;
        }
        bytes += got;
        len -= (size_t)got;
    }
    return true;
}

static bool receive_pdu(int fd, struct pdu *pdu)
{
    struct kms_rpc_header header;
    if (!receive(fd, pdu->bytes, KMS_RPC_HEADER_SIZE) ||
        kms_rpc_read_header(pdu->bytes, KMS_RPC_HEADER_SIZE, &header) != KMS_RPC_WHOLE) {
        return false;
    }
    pdu->len = header.frag_length;
    return receive(fd, pdu->bytes + KMS_RPC_HEADER_SIZE, pdu->len - KMS_RPC_HEADER_SIZE);
}

static bool same(const struct pdu *a, const struct pdu *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The recording that begins with what came; NULL: none does. */
static const struct recording *find(const struct replay *replay, const struct pdu *came,
                                    size_t turns)
{
    for (size_t i = 0; i < replay->count; i++) {
        const struct recording *recording = &replay->recording[i];
        size_t at = 0;
        while (at < turns && at < recording->asked_count &&
               same(&recording->asked[at], &came[at])) {
            at++;
        }
        if (at == turns && turns <= recording->answered_count) {
            return recording;
        }
    }
    return NULL;
}

static void send_all(int fd, const uint8_t *bytes, size_t len, bool single)
{
    size_t step = single ? 1 : len;
    for (size_t at = 0; at < len; at += step) {
        if (send(fd, bytes + at, step, MSG_NOSIGNAL) <= 0) {
            return;
        }
    }
}

/* Both answers at once: what comes behind the first one must not be lost. */
static void send_joined(int fd, const struct recording *recording)
{
    uint8_t both[2 * KMS_RPC_PDU_MAX];
    size_t len = 0;
    for (size_t i = 0; i < 2 && i < recording->answered_count; i++) {
        memcpy(both + len, recording->answered[i].bytes, recording->answered[i].len);
        len += recording->answered[i].len;
    }
    send_all(fd, both, len, false);
}

static void serve(const struct replay *replay, int fd)
{
    static struct pdu came[RECORDING_TURNS_MAX];
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (size_t turn = 0; turn < RECORDING_TURNS_MAX && receive_pdu(fd, &came[turn]); turn++) {
        const struct recording *recording = find(replay, came, turn + 1);
        (void)fprintf(replay->log, "%s %u\n", recording ? "recorded" : "other",
                      (unsigned)came[turn].bytes[2]);
        (void)fflush(replay->log);
        if (!recording) {
            return;
        }
        if (replay->mode == JOINED && turn == 0) {
            send_joined(fd, recording);
        } else if (replay->mode != JOINED) {
            const struct pdu *answer = &recording->answered[turn];
            send_all(fd, answer->bytes, answer->len, replay->mode == BYTES);
        }
        if (replay->mode == CLOSE && turn > 0) {
            return;
        }
    }
}

static int listen_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        die("no socket");
    }
    (void)printf("KMS_RECORDED_PORT=%u\n", (unsigned)ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    static struct replay replay;
    replay.mode = MODES;
    for (int mode = 0; argc > 3 && mode < MODES; mode++) {
        replay.mode = kms_text_equal(argv[1], mode_names[mode]) ? (enum mode)mode : replay.mode;
    }
    replay.log = replay.mode != MODES ? fopen(argv[2], "w") : NULL;
    if (!replay.log) {
        die("usage: replay_endpoint plain|bytes|joined|close LOG "
            "FILE:CONNECTION[=FILE:CONNECTION]...");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 3; i < argc; i++) {
        load(&replay, argv[i]);
    }
    int listener = listen_here();
    (void)puts("end");
    (void)fflush(stdout);
    for (;;) {
        struct pollfd waiting[2] = {{.fd = listener, .events = POLLIN},
                                    {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(waiting, 2, -1) < 0 || waiting[1].revents != 0) {
            break;
        }
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            serve(&replay, fd);
            (void)close(fd);
        }
    }
    (void)close(listener);
    (void)fclose(replay.log);
    return 0;
}
