/* Connects, sends and receives with the kernel's own time limits. */
#include "control/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "control/place.h"

#define PIECE 16384

static const char *const usual_places[] = {KMS_CONTROL_PATH, KMS_CONTROL_STATE_PATH};

/* At least a moment: 0 would stand for ever. False: the time is over. */
static bool limit(const struct kms_control_client *client, int option, int64_t until_us)
{
    int64_t left_us = until_us - kms_clock_mono_us(&client->clock);
    if (left_us <= 0) {
        return false;
    }
    struct timeval tv = {.tv_sec = (time_t)(left_us / 1000000),
                         .tv_usec = (suseconds_t)(left_us % 1000000)};
    return setsockopt(client->fd, SOL_SOCKET, option, &tv, sizeof tv) == 0;
}

static int64_t until(const struct kms_control_client *client, int64_t wait_ms)
{
    return kms_clock_mono_us(&client->clock) + wait_ms * 1000;
}

/* 0, or errno. */
static int try_place(struct kms_control_client *client, const char *path, int64_t until_us)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!kms_text_copy(address.sun_path, sizeof address.sun_path, path)) {
        return ENAMETOOLONG;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return errno;
    }
    int error = EAGAIN;
    if (limit(client, SO_SNDTIMEO, until_us)) {
        if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
            kms_text_copy(client->path, sizeof client->path, path);
            return 0;
        }
        error = errno;
    }
    (void)close(client->fd);
    client->fd = -1;
    return error;
}

static bool is_absent(int error)
{
    return error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
}

static const char *advice(int error)
{
    if (error == EACCES || error == EPERM) {
        return "this user may not ask kmsmond; name a group of his with group in the block control "
               "of its configuration";
    }
    if (error == EAGAIN) {
        return "kmsmond does not answer";
    }
    return "kmsmond is not running or its socket is elsewhere; start it, or name the socket";
}

static enum kms_status refuse(const char *places, int error, struct kms_fault *fault)
{
    enum kms_status status = is_absent(error)  ? KMS_ENOTFOUND
                             : error == EAGAIN ? KMS_EBUSY
                                               : KMS_EIO;
    return kms_fault_set(fault, status, 0, "%s: %s", advice(error), places);
}

enum kms_status kms_control_connect(const char *path, int64_t wait_ms,
                                    struct kms_control_client *ret, struct kms_fault *fault)
{
    struct kms_control_client client = {.fd = -1, .clock = kms_clock_system()};
    const char *const named[] = {path};
    const char *const *place = path ? named : usual_places;
    size_t count = path ? 1 : KMS_COUNT_OF(usual_places);
    int64_t until_us = until(&client, wait_ms);
    char said[400] = "";
    int error = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        error = try_place(&client, place[i], until_us);
        if (error == 0) {
            kms_buf_init(&client.in, KMS_CONTROL_ANSWER_MAX + PIECE);
            *ret = client;
            return KMS_OK;
        }
        /* One that is there and cannot be used is what matters. */
        worst = worst == 0 || is_absent(worst) ? error : worst;
        kms_text_append(said, sizeof said, "%s%.107s: %s", i > 0 ? ", " : "", place[i],
                        strerrordesc_np(error));
    }
    return refuse(said, worst, fault);
}

void kms_control_hang_up(struct kms_control_client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        kms_buf_done(&client->in);
    }
    client->fd = -1;
}

/* One that was refused finds the connection closed, and the reason to be read. */
static enum kms_status send_all(struct kms_control_client *client, const char *bytes, size_t len,
                                int64_t until_us, struct kms_fault *fault)
{
    while (len > 0) {
        if (!limit(client, SO_SNDTIMEO, until_us)) {
            return kms_fault_set(fault, KMS_EBUSY, 0, "%s: kmsmond takes no request", client->path);
        }
        ssize_t sent = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EPIPE) {
            return KMS_OK;
        }
        if (sent < 0 && errno != EINTR && errno != EAGAIN) {
            return kms_fault_set(fault, KMS_EIO, 0, "%s: %s", client->path, strerrordesc_np(errno));
        }
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
    return KMS_OK;
}

enum kms_status kms_control_ask(struct kms_control_client *client, const char *request,
                                int64_t wait_ms, struct kms_fault *fault)
{
    int64_t until_us = until(client, wait_ms);
    enum kms_status status = send_all(client, request, strlen(request), until_us, fault);
    return status == KMS_OK ? send_all(client, "\n", 1, until_us, fault) : status;
}

/* Moves what is left to the front and receives more. */
static enum kms_status receive(struct kms_control_client *client, int64_t until_us,
                               struct kms_fault *fault)
{
    if (client->in.data && client->at > 0) {
        memmove(client->in.data, client->in.data + client->at, client->in.len - client->at + 1);
        client->in.len -= client->at;
        client->at = 0;
    }
    if (client->in.len > KMS_CONTROL_ANSWER_MAX) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "%s: a line of the answer is too long",
                             client->path);
    }
    char *place;
    if (kms_buf_room(&client->in, PIECE, &place) != KMS_OK) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    for (;;) {
        if (!limit(client, SO_RCVTIMEO, until_us)) {
            return kms_fault_set(fault, KMS_EBUSY, 0, "%s: kmsmond does not answer", client->path);
        }
        ssize_t got = recv(client->fd, place, PIECE, 0);
        if (got > 0) {
            kms_buf_grew(&client->in, (size_t)got);
            return KMS_OK;
        }
        if (got == 0 || errno == ECONNRESET) {
            return kms_fault_set(fault, KMS_ENOTFOUND, 0, "%s: kmsmond closed the connection",
                                 client->path);
        }
        if (errno != EINTR && errno != EAGAIN) {
            return kms_fault_set(fault, KMS_EIO, 0, "%s: %s", client->path, strerrordesc_np(errno));
        }
    }
}

enum kms_status kms_control_line(struct kms_control_client *client, int64_t wait_ms,
                                 const char **ret_line, size_t *ret_len, struct kms_fault *fault)
{
    int64_t until_us = until(client, wait_ms);
    size_t looked = client->at;
    for (;;) {
        char *from = client->in.data ? client->in.data + looked : NULL;
        char *end = from ? memchr(from, '\n', client->in.len - looked) : NULL;
        if (end) {
            *end = '\0';
            *ret_line = client->in.data + client->at;
            *ret_len = (size_t)(end - *ret_line);
            client->at += *ret_len + 1;
            return KMS_OK;
        }
        looked = client->in.len - client->at;
        enum kms_status status = receive(client, until_us, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
}
