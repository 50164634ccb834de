/* The command dump: hosts with what their sources told, as text that can be played again. */
#include <stdlib.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_hosts.h"
#include "agent/control_json.h"
#include "model/recording.h"
#include "model/result_text.h"

/* As JSON it takes up more: a line's end and a quote two bytes each. */
#define PIECE_MAX (KMS_RESULT_TEXT_MAX + 4096)

struct dumping {
    struct kms_control_hosts hosts;
    size_t slot;    /* the host that is told */
    uint32_t index; /* its number; 0: the next one begins */
    size_t result;  /* its next */
    struct kms_buf text;
};

static const struct kms_snapshot *told_host(const struct dumping *dumping,
                                            const struct kms_board *board)
{
    const struct kms_snapshot *snapshot = dumping->slot < kms_board_count(board)
                                              ? kms_board_snapshot(board, dumping->slot)
                                              : NULL;
    return snapshot && !snapshot->retired && snapshot->index == dumping->index ? snapshot : NULL;
}

/* The next result of the host; none: the host is over. One that left the board is told no further.
 */
static enum kms_status add_result(struct dumping *dumping, const struct kms_board *board)
{
    const struct kms_snapshot *snapshot = told_host(dumping, board);
    while (snapshot && dumping->result < KMS_RECORDING_RESULTS) {
        const struct kms_result *result = kms_recording_result(snapshot, dumping->result++);
        if (result) {
            return kms_result_text_write(result, &dumping->text);
        }
    }
    dumping->index = 0;
    return KMS_OK;
}

static enum kms_status add_head(struct dumping *dumping, const struct kms_snapshot *snapshot)
{
    dumping->index = snapshot->index;
    dumping->result = 0;
    enum kms_status status = kms_buf_add_str(&dumping->text, "\n");
    return status == KMS_OK ? kms_recording_write_host(snapshot, &dumping->text) : status;
}

/* A piece at each step: a host's beginning, or one of its results. */
static void put_piece(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    const struct kms_board *board = kms_control_parts(call)->board;
    enum kms_status status = KMS_OK;
    kms_buf_clear(&dumping->text);
    if (dumping->index == 0) {
        const struct kms_snapshot *snapshot = kms_control_hosts_next(&dumping->hosts, board,
                                                                     &dumping->slot);
        if (!snapshot) {
            kms_control_end(call);
            return;
        }
        status = add_head(dumping, snapshot);
    } else {
        status = add_result(dumping, board);
    }
    if (status != KMS_OK) {
        kms_control_fail(call, "", "%s", kms_status_text(status));
    } else if (dumping->text.len > 0) {
        bool ok = true;
        json_t *item = json_object();
        kms_json_text(item, "text", kms_buf_str(&dumping->text), &ok);
        kms_control_put(call, kms_json_whole(item, ok));
    }
}

static void find_host(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    bool all = false;
    if (kms_control_hosts_find(&dumping->hosts, call, &all) && all) {
        kms_control_ok(call, NULL);
        kms_control_step(call, put_piece);
    }
}

static void start_dump(struct kms_control_call *call)
{
    struct dumping *dumping = calloc(1, sizeof *dumping);
    if (!dumping) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_buf_init(&dumping->text, PIECE_MAX);
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
