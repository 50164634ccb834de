/* A control socket in a folder of its own, with commands that do what a test wants. */
#ifndef KMS_TESTS_CONTROL_DESK_H
#define KMS_TESTS_CONTROL_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/control.h"
#include "agent/control_socket.h"
#include "base/bytes.h"

struct desk {
    char folder[64];
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_log log;
    struct kms_control_parts parts;
    struct kms_control_socket socket;
    struct kms_control *control;
    int lines;
    char last[512];
};

struct desk_options {
    int64_t idle_ms;
    size_t send_buffer;
    struct kms_control_access access;
    const struct kms_control_command *const *commands;
};

void desk_open(struct desk *desk, const struct desk_options *options);
void desk_close(struct desk *desk);
/* A peer that has connected, not blocking. */
int desk_peer(struct desk *desk);
void desk_say(int peer, const char *text);
/* Turns the loop until the peer got so many lines, or the other side closed; whatever it got. */
const char *desk_hear(struct desk *desk, int peer, size_t lines, struct kms_buf *buf);
void desk_turn(struct desk *desk, int turns);

#endif
