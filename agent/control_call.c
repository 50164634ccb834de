/* Writes the lines of an answer. */
#include "agent/control_call.h"

#include <stdarg.h>

#include <jansson.h>

#include "base/text.h"

const struct json_t *kms_control_request(const struct kms_control_call *call)
{
    return call->request;
}

const char *kms_control_request_text(const struct kms_control_call *call, const char *member)
{
    return json_string_value(json_object_get(call->request, member));
}

const struct kms_control_parts *kms_control_parts(const struct kms_control_call *call)
{
    return call->parts;
}

void kms_control_keep(struct kms_control_call *call, void *state)
{
    call->kept = state;
}

void *kms_control_kept(const struct kms_control_call *call)
{
    return call->kept;
}

static void lose(struct kms_control_call *call)
{
    call->lost = true;
    call->ended = true;
    call->step = NULL;
    call->wake(call->arg);
}

static int add_piece(const char *bytes, size_t len, void *arg)
{
    return kms_buf_add(arg, bytes, len) == KMS_OK ? 0 : -1;
}

/* Takes the reference. A line that does not fit leaves nothing behind. */
static bool add_line(struct kms_control_call *call, json_t *line)
{
    size_t before = call->out->len;
    bool ok = line && json_dump_callback(line, add_piece, call->out, JSON_COMPACT) == 0 &&
              call->out->len - before < KMS_CONTROL_LINE_MAX && add_piece("\n", 1, call->out) == 0;
    if (!ok && call->out->data) {
        call->out->len = before;
        call->out->data[before] = '\0';
    }
    json_decref(line);
    return ok;
}

static void add(struct kms_control_call *call, json_t *line)
{
    bool given = line != NULL;
    if (call->ended) {
        json_decref(line);
        return;
    }
    if (add_line(call, line)) {
        call->wake(call->arg);
    } else if (given && call->begun) {
        kms_control_fail(call, "", "a part of the answer is too long");
    } else {
        lose(call);
    }
}

void kms_control_ok(struct kms_control_call *call, struct json_t *head)
{
    json_t *line = json_pack("{s:b}", "ok", true);
    if (line && head && json_object_update(line, head) != 0) {
        json_decref(line);
        line = NULL;
    }
    json_decref(head);
    add(call, line);
    call->begun = true;
}

void kms_control_put(struct kms_control_call *call, struct json_t *item)
{
    add(call, item);
}

void kms_control_step(struct kms_control_call *call, kms_control_step_fn *step)
{
    if (!call->ended) {
        call->step = step;
        call->wake(call->arg);
    }
}

void kms_control_end(struct kms_control_call *call)
{
    add(call, json_pack("{s:b}", "end", true));
    call->ended = true;
    call->step = NULL;
}

void kms_control_fail(struct kms_control_call *call, const char *hint, const char *format, ...)
{
    char error[600];
    va_list args;
    va_start(args, format);
    (void)kms_text_vformat(error, sizeof error, format, args);
    va_end(args);
    json_t *line = call->begun ? json_object() : json_pack("{s:b}", "ok", false);
    if (json_object_set_new(line, "error", json_string(error)) != 0 ||
        json_object_set_new(line, "hint", json_string(hint)) != 0) {
        json_decref(line);
        line = NULL;
    }
    if (call->ended) {
        json_decref(line);
        return;
    }
    if (!add_line(call, line)) {
        lose(call);
        return;
    }
    call->ended = true;
    call->step = NULL;
    call->wake(call->arg);
}

void kms_control_call_done(struct kms_control_call *call)
{
    if (call->command && call->command->done) {
        call->command->done(call);
    }
    json_decref(call->request);
    call->request = NULL;
}
