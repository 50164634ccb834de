/* A TCP endpoint that speaks only recorded bytes: answers a PDU that is byte for byte the recorded
 * one with the recorded answer, and closes on any other. It composes nothing. Usage:
 * replay_endpoint MODE LOG FILE:CONNECTION...; prints its port and the inputs of the first
 * recording as shell variables, writes a line to LOG for each PDU, ends with standard input. */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/text.h"
#include "rpc/pdu.h"

#define RECORDINGS_MAX 16
#define TURNS_MAX      8
#define WAIT_MS        10000

struct pdu {
    uint8_t bytes[KMS_RPC_PDU_MAX];
    size_t len;
};

struct recording {
    struct pdu asked[TURNS_MAX], answered[TURNS_MAX];
    size_t asked_count, answered_count;
};

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

static void read_hex(const json_t *text, struct pdu *pdu)
{
    const char *hex = json_string_value(text);
    if (!hex || strlen(hex) / 2 > sizeof pdu->bytes) {
        die("a PDU without its bytes");
    }
    for (pdu->len = 0; hex[2 * pdu->len]; pdu->len++) {
        uint32_t byte;
        if (!kms_text_hex32(hex + 2 * pdu->len, 2, &byte)) {
            die("a PDU that is no hexadecimal text");
        }
        pdu->bytes[pdu->len] = (uint8_t)byte;
    }
}

static void read_connection(const json_t *connection, struct recording *recording)
{
    size_t i;
    const json_t *pdu;
    json_array_foreach(json_object_get(connection, "pdus"), i, pdu)
    {
        const char *direction = json_string_value(json_object_get(pdu, "dir"));
        bool asked = kms_text_equal(direction, "c2s");
        size_t *count = asked ? &recording->asked_count : &recording->answered_count;
        if (!direction || *count == TURNS_MAX) {
            continue;
        }
        read_hex(json_object_get(pdu, "hex"),
                 asked ? &recording->asked[(*count)++] : &recording->answered[(*count)++]);
    }
}

static void print_text(const json_t *inputs, const char *key, const char *name)
{
    const char *text = json_string_value(json_object_get(inputs, key));
    (void)printf("KMS_RECORDED_%s=%s\n", name, text ? text : "");
}

static void print_number(const json_t *inputs, const char *key, const char *name)
{
    (void)printf("KMS_RECORDED_%s=%" JSON_INTEGER_FORMAT "\n", name,
                 json_integer_value(json_object_get(inputs, key)));
}

static void print_inputs(const json_t *connection)
{
    const json_t *exchange = json_array_get(json_object_get(connection, "exchanges"), 0);
    const json_t *inputs = json_object_get(exchange, "request");
    print_text(json_object_get(exchange, "intermediate"), "request_iv_hex", "IV");
    print_text(inputs, "version", "VERSION");
    print_text(inputs, "app_id", "APPLICATION");
    print_text(inputs, "act_id", "SKU");
    print_text(inputs, "kms_id", "COUNTED");
    print_text(inputs, "cmid", "CMID");
    print_text(inputs, "workstation", "WORKSTATION");
    print_number(inputs, "license_status", "STATUS");
    print_number(inputs, "binding_expiration_min", "MINUTES");
    print_number(inputs, "n_policy", "N");
    print_number(inputs, "client_time", "TIME");
}

/* "FILE:CONNECTION" */
static void load(struct replay *replay, const char *name)
{
    char path[512];
    uint64_t number = 0;
    const char *colon = strrchr(name, ':');
    if (!colon || !kms_text_u64(colon + 1, &number) || replay->count == RECORDINGS_MAX) {
        die("usage: replay_endpoint plain|bytes|joined|close LOG FILE:CONNECTION...");
    }
    kms_text_format(path, sizeof path, "%.*s", (int)(colon - name), name);
    json_t *root = json_load_file(path, 0, NULL);
    const json_t *connection = json_array_get(json_object_get(root, "connections"), number);
    if (!connection) {
        die("no such recording");
    }
    read_connection(connection, &replay->recording[replay->count]);
    if (replay->count++ == 0) {
        print_inputs(connection);
    }
    json_decref(root);
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
    static struct pdu came[TURNS_MAX];
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (size_t turn = 0; turn < TURNS_MAX && receive_pdu(fd, &came[turn]); turn++) {
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
        die("usage: replay_endpoint plain|bytes|joined|close LOG FILE:CONNECTION...");
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
