/* The command dump: hosts with what their sources told, as text that can be played again. */
#include <stdlib.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_hosts.h"
#include "agent/control_json.h"
#include "model/recording.h"

/* As JSON: a zero byte, or a quote, takes up six bytes at most. */
#define TEXT_MAX (KMS_CONTROL_LINE_MAX * 3 / 4)

struct dumping {
    struct kms_control_hosts hosts;
    struct kms_buf text;
};

static void put_host(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    size_t slot;
    const struct kms_snapshot *snapshot = kms_control_hosts_next(
        &dumping->hosts, kms_control_parts(call)->board, &slot);
    if (!snapshot) {
        kms_control_end(call);
        return;
    }
    kms_buf_clear(&dumping->text);
    enum kms_status status = kms_recording_write(snapshot, &dumping->text);
    if (status == KMS_ETOOBIG) {
        kms_control_fail(call, "", "what host '%.100s' told is too long", snapshot->target->name);
        return;
    }
    bool ok = status == KMS_OK;
    json_t *item = json_object();
    kms_json_text(item, "host", snapshot->target->name, &ok);
    kms_json_text(item, "text", kms_buf_str(&dumping->text), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

static void find_host(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    bool all = false;
    if (kms_control_hosts_find(&dumping->hosts, call, &all) && all) {
        kms_control_ok(call, NULL);
        kms_control_step(call, put_host);
    }
}

static void start_dump(struct kms_control_call *call)
{
    struct dumping *dumping = calloc(1, sizeof *dumping);
    if (!dumping) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_buf_init(&dumping->text, TEXT_MAX);
    kms_control_keep(call, dumping);
    if (kms_control_hosts_begin(&dumping->hosts, call)) {
        kms_control_step(call, find_host);
    }
}

static void end_dump(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    if (dumping) {
        kms_control_hosts_done(&dumping->hosts);
        kms_buf_done(&dumping->text);
    }
    free(dumping);
}

const struct kms_control_command kms_control_dump = {
    .name = "dump", .start = start_dump, .done = end_dump};
