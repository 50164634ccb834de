/* The command facts: what the sources of one host, or of all, told last, as a recording that reads
 * back to the same. Plugins judge it themselves; people play it again. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_json.h"
#include "agent/mib.h"
#include "agent/site.h"
#include "base/text.h"
#include "model/board.h"
#include "model/recording.h"
#include "model/result_text.h"
#include "net/address.h"

#define PIECE_MAX (KMS_RESULT_TEXT_MAX + 4096)

/* Where the answer stands: a piece at each step. */
struct course {
    size_t slot, behind; /* slots that are told */
    uint32_t index;      /* of the host that is being told; 0: the next one begins */
    size_t result;       /* its next */
    bool windows;        /* were told */
};

static void put_text(struct kms_control_call *call, const struct kms_buf *text)
{
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "text", kms_buf_str(text), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

static const struct kms_snapshot *snapshot_of(const struct kms_control_call *call, size_t slot)
{
    const struct kms_board *board = kms_control_parts(call)->board;
    const struct kms_snapshot *snapshot = slot < kms_board_count(board)
                                              ? kms_board_snapshot(board, slot)
                                              : NULL;
    return snapshot && !snapshot->retired ? snapshot : NULL;
}

/* As the times of the host are named, also before they follow a wall clock that was set. */
static struct kms_now now_of(const struct kms_control_call *call,
                             const struct kms_snapshot *snapshot)
{
    const struct kms_clock *clock = kms_control_parts(call)->clock;
    struct kms_now now = kms_clock_now(clock);
    if (snapshot) {
        now.wall_s = kms_snapshot_now_s(snapshot, kms_clock_mono_us(clock));
    }
    return now;
}

static enum kms_status write_windows(struct kms_control_call *call, const struct course *course,
                                     const struct kms_snapshot *snapshot, struct kms_buf *text)
{
    const struct kms_control_parts *parts = kms_control_parts(call);
    const struct kms_now now = now_of(call, snapshot);
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < snapshot->judgement.key_count; i++) {
        const char *identity = kms_key_window_name(&snapshot->judgement.key[i]);
        const struct kms_window *window = kms_board_window(parts->board, course->slot, identity);
        status = window ? kms_recording_write_window(identity, text) : KMS_OK;
        if (window && status == KMS_OK) {
            status = kms_window_write(window, &now, KMS_RECORDING_BOOT, text);
        }
    }
    return status;
}

/* One piece of the host; the host is left when there is none. A host that was retired meanwhile, or
 * whose slot another one has, is told no further. */
static enum kms_status next_piece(struct kms_control_call *call, struct course *course,
                                  const struct kms_snapshot *snapshot, struct kms_buf *text)
{
    if (snapshot && course->index == 0) {
        course->index = snapshot->index;
        course->result = 0;
        course->windows = false;
        return kms_recording_write_host(snapshot, text);
    }
    bool same = snapshot && snapshot->index == course->index;
    while (same && course->result < KMS_RECORDING_RESULTS) {
        const struct kms_result *result = kms_recording_result(snapshot, course->result++);
        if (result) {
            return kms_result_text_write(result, text);
        }
    }
    if (same && !course->windows) {
        course->windows = true;
        return write_windows(call, course, snapshot, text);
    }
    course->index = 0;
    course->slot++;
    return KMS_OK;
}

static void step(struct kms_control_call *call)
{
    struct course *course = kms_control_kept(call);
    struct kms_buf text;
    if (course->slot >= course->behind) {
        kms_control_end(call);
        return;
    }
    kms_buf_init(&text, PIECE_MAX);
    enum kms_status status = next_piece(call, course, snapshot_of(call, course->slot), &text);
    if (status != KMS_OK) {
        kms_control_fail(call, "", "%s", kms_status_text(status));
    } else if (text.len > 0) {
        put_text(call, &text);
    }
    kms_buf_done(&text);
}

/* ---- the host that is meant ---- */

/* One address can be written in several ways. */
static bool same_text(const struct kms_address *a, const struct kms_address *b)
{
    char first[KMS_ADDRESS_TEXT], second[KMS_ADDRESS_TEXT];
    kms_address_text(a, first, sizeof first);
    kms_address_text(b, second, sizeof second);
    return kms_text_equal(first, second);
}

static bool same_address(const struct kms_snapshot *snapshot, const char *name)
{
    struct kms_address wanted, has;
    const char *address = kms_target_address(snapshot->target);
    return kms_text_equal_nocase(address, name) ||
           (kms_address_parse(name, KMS_DEFAULT_PORT, &wanted) &&
            kms_address_parse(address, KMS_DEFAULT_PORT, &has) && same_text(&wanted, &has));
}

/* How many hosts are meant: the one of this name, else those of this address. */
static size_t find_host(const struct kms_control_call *call, const char *name, size_t *ret_slot)
{
    size_t slots = kms_board_count(kms_control_parts(call)->board);
    size_t found = 0;
    for (size_t slot = 0; slot < slots; slot++) {
        const struct kms_snapshot *snapshot = snapshot_of(call, slot);
        if (snapshot && kms_text_equal_nocase(snapshot->target->name, name)) {
            *ret_slot = slot;
            return 1;
        }
        if (snapshot && same_address(snapshot, name)) {
            *ret_slot = slot;
            found++;
        }
    }
    return found;
}

static bool choose_slots(struct kms_control_call *call, struct course *course)
{
    const char *name = kms_control_request_text(call, "host");
    char clean[80];
    if (!name) {
        course->behind = kms_board_count(kms_control_parts(call)->board);
        return true;
    }
    size_t found = find_host(call, name, &course->slot);
    course->behind = course->slot + 1;
    kms_text_clean(clean, sizeof clean, name, strlen(name));
    if (found == 0) {
        kms_control_fail(call,
                         "name the host as 'kmsmon status' does, or add it to the configuration of "
                         "kmsmond",
                         "kmsmond does not watch a host '%s'", clean);
    } else if (found > 1) {
        kms_control_fail(call, "name one of them as the configuration does",
                         "kmsmond watches %zu hosts at '%s'", found, clean);
    }
    return found == 1;
}

/* The numbers by which the site judges: a plugin does so too, but for those of its own options. */
static void put_policy(json_t *head, const struct kms_policy *policy, bool *ok)
{
    for (const struct kms_opt *row = kms_policy_opts(); !kms_opt_is_end(row); row++) {
        kms_json_number(head, row->key, kms_policy_get(policy, row), ok);
    }
}

static json_t *head_of(struct kms_control_call *call, const struct course *course)
{
    const struct kms_control_parts *parts = kms_control_parts(call);
    bool alone = course->behind - course->slot == 1;
    const struct kms_now now = now_of(call, alone ? snapshot_of(call, course->slot) : NULL);
    bool ok = true;
    json_t *head = json_object();
    kms_json_number(head, "now", now.wall_s, &ok);
    kms_json_number(head, "steady", now.steady_s, &ok);
    kms_json_number(head, "interval", parts->facts->interval_s, &ok);
    if (parts->site) {
        kms_json_number(head, "back-off", parts->site->back_off_max, &ok);
        put_policy(head, &parts->site->policy, &ok);
    }
    kms_json_flag(head, "simulated", parts->facts->simulated, &ok);
    return kms_json_whole(head, ok);
}

static void start_facts(struct kms_control_call *call)
{
    struct course *course = calloc(1, sizeof *course);
    if (!course) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, course);
    if (choose_slots(call, course)) {
        kms_control_ok(call, head_of(call, course));
        kms_control_step(call, step);
    }
}

static void end_facts(struct kms_control_call *call)
{
    free(kms_control_kept(call));
}

const struct kms_control_command kms_control_facts = {
    .name = "facts", .start = start_facts, .done = end_facts};
