/* The command show: all hosts, a line each, or everything about those that are named. */
#include <stdlib.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_host.h"
#include "agent/control_hosts.h"

struct showing {
    struct kms_control_hosts hosts;
    bool details;
};

static void put_host(struct kms_control_call *call)
{
    struct showing *showing = kms_control_kept(call);
    const struct kms_control_parts *parts = kms_control_parts(call);
    size_t slot;
    const struct kms_snapshot *snapshot = kms_control_hosts_next(&showing->hosts, parts->board,
                                                                 &slot);
    if (!snapshot) {
        kms_control_end(call);
    } else if (showing->details) {
        kms_control_put(call, kms_control_host_details(snapshot, slot, parts));
    } else {
        kms_control_put(call, kms_control_host_row(snapshot));
    }
}

static void find_host(struct kms_control_call *call)
{
    struct showing *showing = kms_control_kept(call);
    bool all = false;
    if (kms_control_hosts_find(&showing->hosts, call, &all) && all) {
        kms_control_ok(call, json_pack("{s:b}", "details", showing->details));
        kms_control_step(call, put_host);
    }
}

static void start_show(struct kms_control_call *call)
{
    struct showing *showing = calloc(1, sizeof *showing);
    if (!showing) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, showing);
    if (kms_control_hosts_begin(&showing->hosts, call)) {
        showing->details = !kms_control_hosts_are_all(&showing->hosts) ||
                           json_is_true(json_object_get(kms_control_request(call), "details"));
        kms_control_step(call, find_host);
    }
}

static void end_show(struct kms_control_call *call)
{
    struct showing *showing = kms_control_kept(call);
    if (showing) {
        kms_control_hosts_done(&showing->hosts);
    }
    free(showing);
}

const struct kms_control_command kms_control_show = {
    .name = "show", .start = start_show, .done = end_show};
