/* Opens a control socket on a loop that the test turns. */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

static void on_line(void *arg, enum kms_log_level level, const char *line)
{
    (void)level;
    struct desk *desk = arg;
    desk->lines++;
    kms_text_copy(desk->last, sizeof desk->last, line);
}

void desk_open(struct desk *desk, const struct desk_options *options)
{
    *desk = (struct desk){.clock = kms_clock_system()};
    kms_text_copy(desk->folder, sizeof desk->folder, "/tmp/kmsmon-control-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    char path[96];
    kms_text_format(path, sizeof path, "%s/control", desk->folder);
    desk->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = on_line, .arg = desk};
    desk->loop = kms_loop_new(&desk->clock);
    struct kms_fault fault = {0};
    assert_int_equal(kms_control_socket_open(path, 0600, &desk->socket, &fault), KMS_OK);
    const struct kms_control_config config = {.loop = desk->loop,
                                              .log = &desk->log,
                                              .parts = &desk->parts,
                                              .commands = options->commands,
                                              .access = options->access,
                                              .listening = desk->socket.fd,
                                              .idle_ms = options->idle_ms,
                                              .send_buffer = options->send_buffer};
    desk->control = kms_control_open(&config);
    assert_non_null(desk->control);
}

void desk_close(struct desk *desk)
{
    kms_control_socket_remove(&desk->socket);
    kms_control_close(desk->control);
    kms_loop_free(desk->loop);
    assert_int_equal(rmdir(desk->folder), 0);
}

int desk_peer(struct desk *desk)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    kms_text_copy(address.sun_path, sizeof address.sun_path, desk->socket.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void desk_say(int peer, const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void desk_turn(struct desk *desk, int turns)
{
    for (int i = 0; i < turns; i++) {
        kms_loop_once(desk->loop, 1);
    }
}

static size_t count_lines(const char *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += bytes[i] == '\n' ? 1 : 0;
    }
    return count;
}

const char *desk_hear(struct desk *desk, int peer, size_t lines, struct kms_buf *buf)
{
    size_t heard = 0;
    for (int i = 0; i < 20000 && heard < lines; i++) {
        char piece[4096];
        ssize_t got = recv(peer, piece, sizeof piece, MSG_DONTWAIT);
        if (got > 0) {
            heard += count_lines(piece, (size_t)got);
            assert_int_equal(kms_buf_add(buf, piece, (size_t)got), KMS_OK);
        } else if (got < 0 && errno == EAGAIN) {
            kms_loop_once(desk->loop, 1);
        } else {
            break;
        }
    }
    return kms_buf_str(buf);
}
