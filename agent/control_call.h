/* A call as the server sees it: the request, the command's memory, and where the answer goes. */
#ifndef KMS_AGENT_CONTROL_CALL_H
#define KMS_AGENT_CONTROL_CALL_H

#include "agent/control_command.h"
#include "base/bytes.h"

struct kms_control_call {
    const struct kms_control_command *command; /* NULL: it failed before there was one */
    const struct kms_control_parts *parts;
    struct json_t *request; /* NULL: it could not be read */
    struct kms_buf *out;
    void *kept;
    kms_control_step_fn *step;
    bool begun;
    bool ended;
    bool lost; /* memory ran out: nothing more can be said */
    /* Something is there to be sent, or to be done. */
    void (*wake)(void *arg);
    void *arg;
};

/* Tells the command, and frees the request. */
void kms_control_call_done(struct kms_control_call *call);

#endif
