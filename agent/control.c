/* Serves the control socket: connections take turns, and each gets no more of the loop than a slice
 * at a time. */
#include "agent/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/control_call.h"
#include "base/text.h"

#define ACCEPTS_AT_ONCE 16
#define ACCEPT_REST_MS  1000 /* when there is no descriptor to be had */
#define GONE_LOOK_MS    1000
#define OUT_MAX         (KMS_CONTROL_AHEAD + 2 * KMS_CONTROL_LINE_MAX)

struct connection {
    struct kms_control *control;
    struct connection *next;
    int fd;
    struct kms_control_peer peer;
    struct kms_watch *watch;
    unsigned watched;
    struct kms_timer *idle;
    struct kms_buf in;
    size_t looked; /* of in: no end of a line there */
    struct kms_buf out;
    size_t sent;
    bool blocked; /* the kernel takes no more for now */
    bool eof;     /* no request will follow */
    bool closing; /* once all is sent */
    bool calling;
    struct kms_control_call call;
};

struct kms_control {
    struct kms_control_config config;
    struct kms_watch *accepting;
    struct kms_timer *accept_again;
    struct kms_timer *work;
    struct connection *first; /* who is served next */
    size_t count;
    bool refused_any;
    uid_t refused_uid; /* told last */
};

static size_t pending(const struct connection *conn)
{
    return conn->out.len - conn->sent;
}

static void poke(struct kms_control *control)
{
    kms_timer_set(control->work, 0);
}

static void wake(void *arg)
{
    struct connection *conn = arg;
    poke(conn->control);
}

/* ---- the end of a connection ---- */

static void unlink_connection(struct connection *conn)
{
    struct connection **at = &conn->control->first;
    while (*at != conn) {
        at = &(*at)->next;
    }
    *at = conn->next;
    conn->control->count--;
}

static void end_call(struct connection *conn)
{
    conn->calling = false;
    kms_control_call_done(&conn->call);
    conn->closing |= conn->call.lost;
    conn->call = (struct kms_control_call){0};
}

static void destroy(struct connection *conn)
{
    if (conn->calling) {
        end_call(conn);
    }
    kms_watch_free(conn->watch);
    kms_timer_free(conn->idle);
    (void)close(conn->fd);
    kms_buf_done(&conn->in);
    kms_buf_done(&conn->out);
    free(conn);
}

static void drop(struct connection *conn)
{
    unlink_connection(conn);
    destroy(conn);
}

/* Sending nothing tells whether there is somebody who could take it. */
static bool is_gone(const struct connection *conn)
{
    return send(conn->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
}

/* ---- what there is to do ---- */

/* The whole line at the start of what was read; the last one may lack its end. */
static bool find_line(struct connection *conn, size_t *ret_len)
{
    if (conn->in.len == 0) {
        return false;
    }
    const char *from = conn->in.data + conn->looked;
    const char *end = memchr(from, '\n', conn->in.len - conn->looked);
    if (!end) {
        conn->looked = conn->in.len;
        *ret_len = conn->in.len;
        return conn->eof;
    }
    *ret_len = (size_t)(end - conn->in.data);
    return true;
}

static bool is_too_long(const struct connection *conn)
{
    return conn->in.len > KMS_CONTROL_REQUEST_MAX && conn->looked == conn->in.len;
}

static bool wants_work(struct connection *conn)
{
    if (conn->calling) {
        return conn->call.ended || (conn->call.step && pending(conn) < KMS_CONTROL_AHEAD) ||
               (!conn->blocked && pending(conn) > 0);
    }
    size_t len;
    return !conn->closing && pending(conn) < KMS_CONTROL_AHEAD &&
           (find_line(conn, &len) || is_too_long(conn));
}

static void on_ready(void *arg, int fd, unsigned ready);

/* Reading stops when the peer has asked for more than it is to get at once. */
static bool watch(struct connection *conn)
{
    unsigned wanted = 0;
    if (!conn->eof && !conn->closing && conn->in.len <= KMS_CONTROL_REQUEST_MAX) {
        wanted |= KMS_READABLE;
    }
    if (conn->blocked) {
        wanted |= KMS_WRITABLE;
    }
    if (wanted == conn->watched) {
        return true;
    }
    kms_watch_free(conn->watch);
    conn->watch = NULL;
    conn->watched = wanted;
    if (wanted == 0) {
        return true;
    }
    conn->watch = kms_watch_new(conn->control->config.loop, conn->fd, wanted, on_ready, conn);
    return conn->watch != NULL;
}

static int64_t idle_ms(const struct connection *conn)
{
    int64_t ms = conn->control->config.idle_ms;
    return conn->calling && conn->eof && ms > GONE_LOOK_MS ? GONE_LOOK_MS : ms;
}

static bool send_pending(struct connection *conn)
{
    while (pending(conn) > 0) {
        ssize_t sent = send(conn->fd, conn->out.data + conn->sent, pending(conn), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            conn->blocked = errno == EAGAIN || errno == EWOULDBLOCK;
            return conn->blocked;
        }
        conn->sent += (size_t)sent;
        kms_timer_set_real(conn->idle, idle_ms(conn));
    }
    conn->blocked = false;
    kms_buf_clear(&conn->out);
    conn->sent = 0;
    return true;
}

/* Makes room for what comes at the end. */
static void forget_sent(struct connection *conn)
{
    if (conn->sent > 0) {
        memmove(conn->out.data, conn->out.data + conn->sent, pending(conn) + 1);
        conn->out.len -= conn->sent;
        conn->sent = 0;
    }
}

/* Sends what it can and looks for what comes next. The connection may be gone afterwards. */
static void flush(struct connection *conn)
{
    bool ok = send_pending(conn);
    size_t len;
    bool over = !conn->calling && pending(conn) == 0 &&
                (conn->closing || (conn->eof && !find_line(conn, &len)));
    if (!ok || over || (conn->calling && conn->eof && is_gone(conn)) || !watch(conn)) {
        drop(conn);
    } else if (wants_work(conn)) {
        poke(conn->control);
    }
}

/* ---- requests ---- */

static const struct kms_control_command *find_command(const struct kms_control *control,
                                                      const char *name)
{
    for (size_t i = 0; control->config.commands[i]; i++) {
        if (kms_text_equal(control->config.commands[i]->name, name)) {
            return control->config.commands[i];
        }
    }
    return NULL;
}

static void list_commands(const struct kms_control *control, char *dst, size_t size)
{
    kms_text_copy(dst, size, "commands are ");
    for (size_t i = 0; control->config.commands[i]; i++) {
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", control->config.commands[i]->name);
    }
}

static void refuse_change(struct kms_control_call *call, const struct kms_control *control,
                          const char *name)
{
    const struct kms_control_access *access = &control->config.access;
    char who[300], hint[200];
    kms_control_access_text(access, true, who, sizeof who);
    if (access->has_operators) {
        kms_text_format(hint, sizeof hint, "let root add the user to group %s, and log in again",
                        access->operators_name);
    } else {
        kms_text_copy(hint, sizeof hint,
                      "name a group of users who may with operators in the block control");
    }
    kms_control_fail(call, hint, "%s is for %s", name, who);
}

static bool read_request(struct connection *conn, const char *line, size_t len)
{
    json_error_t error;
    conn->call.request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (!conn->call.request) {
        char what[100];
        kms_text_clean(what, sizeof what, error.text, strlen(error.text));
        kms_control_fail(&conn->call, "a request is one JSON object on one line",
                         "the request cannot be read, at byte %d: %s", error.position, what);
        return false;
    }
    if (!kms_control_request_text(&conn->call, "command")) {
        kms_control_fail(&conn->call, "{\"command\":\"status\"}",
                         "the request is no object that names a command");
        return false;
    }
    return true;
}

static void start_command(struct connection *conn)
{
    struct kms_control_call *call = &conn->call;
    struct kms_control *control = conn->control;
    const char *name = kms_control_request_text(call, "command");
    const struct kms_control_command *command = find_command(control, name);
    if (!command) {
        char clean[60], hint[200];
        kms_text_clean(clean, sizeof clean, name, strlen(name));
        list_commands(control, hint, sizeof hint);
        kms_control_fail(call, hint, "there is no command '%s'", clean);
        return;
    }
    if (command->changes && !conn->peer.may_change) {
        kms_log_write(control->config.log, KMS_LOG_WARNING,
                      "control: %s refused to user %u (process %d)", command->name,
                      (unsigned)conn->peer.uid, (int)conn->peer.pid);
        refuse_change(call, control, command->name);
        return;
    }
    if (command->changes) {
        kms_log_write(control->config.log, KMS_LOG_INFO, "control: %s for user %u (process %d)",
                      command->name, (unsigned)conn->peer.uid, (int)conn->peer.pid);
    }
    call->command = command;
    command->start(call);
}

static void take_line(struct connection *conn, size_t len)
{
    size_t used = len < conn->in.len ? len + 1 : len;
    memmove(conn->in.data, conn->in.data + used, conn->in.len - used);
    conn->in.len -= used;
    conn->looked = 0;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
            return false;
        }
    }
    return true;
}

static void begin_call(struct connection *conn)
{
    size_t len = 0;
    bool whole = find_line(conn, &len);
    bool fits = whole && len <= KMS_CONTROL_REQUEST_MAX;
    if (fits && is_blank(conn->in.data, len)) {
        take_line(conn, len);
        return;
    }
    kms_timer_set_real(conn->idle, conn->control->config.idle_ms);
    conn->calling = true;
    conn->call = (struct kms_control_call){
        .parts = conn->control->config.parts, .out = &conn->out, .wake = wake, .arg = conn};
    if (!fits) {
        kms_control_fail(&conn->call, "", "the request is longer than %zu bytes",
                         KMS_CONTROL_REQUEST_MAX);
        conn->closing = true;
    } else if (read_request(conn, conn->in.data, len)) {
        take_line(conn, len);
        start_command(conn);
    } else {
        take_line(conn, len);
    }
}

/* ---- turns ---- */

static void run_steps(struct connection *conn)
{
    const struct kms_clock *clock = kms_loop_clock(conn->control->config.loop);
    int64_t slice_us = KMS_CONTROL_SLICE_US * kms_loop_speed(conn->control->config.loop);
    int64_t until_us = kms_clock_mono_us(clock) + slice_us;
    while (!conn->call.ended && conn->call.step && pending(conn) < KMS_CONTROL_AHEAD) {
        conn->call.step(&conn->call);
        if (kms_clock_mono_us(clock) >= until_us) {
            break;
        }
    }
}

/* One turn of one connection. */
static void serve(struct connection *conn)
{
    forget_sent(conn);
    if (!conn->calling && wants_work(conn)) {
        begin_call(conn);
    }
    if (conn->calling) {
        run_steps(conn);
    }
    if (conn->calling && conn->call.ended) {
        end_call(conn);
        kms_timer_set_real(conn->idle, conn->control->config.idle_ms);
    }
    flush(conn);
}

/* Who was served stands at the end of the line then. */
static void move_behind(struct kms_control *control, struct connection *conn)
{
    struct connection **at = &control->first;
    while (*at != conn) {
        at = &(*at)->next;
    }
    *at = conn->next;
    conn->next = NULL;
    while (*at) {
        at = &(*at)->next;
    }
    *at = conn;
}

static void work(void *arg)
{
    struct kms_control *control = arg;
    struct connection *conn = control->first;
    while (conn && !wants_work(conn)) {
        conn = conn->next;
    }
    if (!conn) {
        return;
    }
    bool more = false;
    for (struct connection *other = conn->next; other; other = other->next) {
        more |= wants_work(other);
    }
    move_behind(control, conn);
    if (more) {
        poke(control);
    }
    serve(conn);
}

/* ---- the loop's call backs ---- */

static void receive(struct connection *conn)
{
    while (!conn->eof && conn->in.len <= KMS_CONTROL_REQUEST_MAX) {
        char *place;
        size_t room = KMS_CONTROL_REQUEST_MAX + 1 - conn->in.len;
        room = room < 4096 ? room : 4096;
        if (kms_buf_room(&conn->in, room, &place) != KMS_OK) {
            conn->closing = true;
            return;
        }
        ssize_t got = recv(conn->fd, place, room, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (got > 0) {
            kms_buf_grew(&conn->in, (size_t)got);
        }
        conn->eof = got <= 0;
    }
}

static void on_ready(void *arg, int fd, unsigned ready)
{
    (void)fd;
    struct connection *conn = arg;
    if (ready & KMS_READABLE) {
        bool was_eof = conn->eof;
        receive(conn);
        if (conn->eof && !was_eof && conn->calling) {
            kms_timer_set_real(conn->idle, idle_ms(conn));
        }
    }
    flush(conn);
}

static void on_idle(void *arg)
{
    struct connection *conn = arg;
    bool ours = conn->calling && pending(conn) == 0; /* the answer is not ready */
    if (!ours || is_gone(conn)) {
        drop(conn);
        return;
    }
    kms_timer_set_real(conn->idle, idle_ms(conn));
}

/* ---- new connections ---- */

static void wake_nobody(void *arg)
{
    (void)arg;
}

/* The line fits into what the kernel keeps for a new connection; one that is refused never waits.
 */
static void turn_away(int fd, const char *error, const char *hint)
{
    struct kms_buf line;
    struct kms_control_call call = {.out = &line, .wake = wake_nobody};
    kms_buf_init(&line, KMS_CONTROL_LINE_MAX);
    kms_control_fail(&call, hint, "%s", error);
    if (line.len > 0) {
        (void)send(fd, line.data, line.len, MSG_NOSIGNAL);
    }
    kms_buf_done(&line);
    (void)close(fd);
}

static void refuse_peer(struct kms_control *control, int fd, const struct kms_control_peer *peer)
{
    const struct kms_control_access *access = &control->config.access;
    char who[300], error[400], hint[200];
    kms_control_access_text(access, false, who, sizeof who);
    kms_text_format(error, sizeof error, "the control socket is for %s", who);
    const char *group = access->has_readers     ? access->readers_name
                        : access->has_operators ? access->operators_name
                                                : NULL;
    if (group) {
        kms_text_format(hint, sizeof hint, "let root add the user to group %s, and log in again",
                        group);
    } else {
        kms_text_copy(hint, sizeof hint,
                      "name a group of users who may with group in the block control");
    }
    if (!control->refused_any || control->refused_uid != peer->uid) {
        kms_log_write(control->config.log, KMS_LOG_WARNING,
                      "control: refused to user %u (process %d); more of the same are not logged",
                      (unsigned)peer->uid, (int)peer->pid);
    }
    control->refused_any = true;
    control->refused_uid = peer->uid;
    turn_away(fd, error, hint);
}

static void welcome(struct kms_control *control, int fd, const struct kms_control_peer *peer)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (!conn) {
        (void)close(fd);
        return;
    }
    conn->control = control;
    conn->fd = fd;
    conn->peer = *peer;
    kms_buf_init(&conn->in, 2 * KMS_CONTROL_REQUEST_MAX);
    kms_buf_init(&conn->out, OUT_MAX);
    conn->next = control->first;
    control->first = conn;
    control->count++;
    if (control->config.send_buffer > 0) {
        int size = (int)control->config.send_buffer;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    conn->idle = kms_timer_new(control->config.loop, on_idle, conn);
    if (!conn->idle || !watch(conn)) {
        drop(conn);
        return;
    }
    kms_timer_set_real(conn->idle, control->config.idle_ms);
}

static void greet(struct kms_control *control, int fd)
{
    struct kms_control_peer peer;
    if (kms_control_peer_of(fd, &control->config.access, &peer) != KMS_OK) {
        turn_away(fd, "the kernel does not say who asks", "");
    } else if (!peer.may_read) {
        refuse_peer(control, fd, &peer);
    } else if (control->count >= KMS_CONTROL_CONNECTIONS_MAX) {
        turn_away(fd, "too many connections to the control socket", "try again");
    } else {
        welcome(control, fd, &peer);
    }
}

static void on_accept(void *arg, int listening, unsigned ready);

static void accept_again(void *arg)
{
    struct kms_control *control = arg;
    control->accepting = kms_watch_new(control->config.loop, control->config.listening,
                                       KMS_READABLE, on_accept, control);
    if (!control->accepting) {
        kms_timer_set_real(control->accept_again, ACCEPT_REST_MS);
    }
}

static void on_accept(void *arg, int listening, unsigned ready)
{
    (void)ready;
    struct kms_control *control = arg;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            greet(control, fd);
            continue;
        }
        bool out_of_files = errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                            errno == ENOMEM;
        if (out_of_files) {
            kms_watch_free(control->accepting);
            control->accepting = NULL;
            kms_timer_set_real(control->accept_again, ACCEPT_REST_MS);
        }
        return;
    }
}

/* ---- life ---- */

struct kms_control *kms_control_open(const struct kms_control_config *config)
{
    struct kms_control *control = calloc(1, sizeof *control);
    if (!control) {
        return NULL;
    }
    control->config = *config;
    if (control->config.idle_ms == 0) {
        control->config.idle_ms = KMS_CONTROL_IDLE_MS;
    }
    control->work = kms_timer_new(config->loop, work, control);
    control->accept_again = kms_timer_new(config->loop, accept_again, control);
    control->accepting = kms_watch_new(config->loop, config->listening, KMS_READABLE, on_accept,
                                       control);
    if (!control->work || !control->accept_again || !control->accepting) {
        control->config.listening = -1;
        kms_control_close(control);
        return NULL;
    }
    return control;
}

void kms_control_close(struct kms_control *control)
{
    if (!control) {
        return;
    }
    struct connection *conn = control->first;
    while (conn) {
        struct connection *next = conn->next;
        destroy(conn);
        conn = next;
    }
    kms_watch_free(control->accepting);
    kms_timer_free(control->accept_again);
    kms_timer_free(control->work);
    if (control->config.listening >= 0) {
        (void)close(control->config.listening);
    }
    free(control);
}

size_t kms_control_connections(const struct kms_control *control)
{
    return control->count;
}
