/* The command dump: hosts with what their sources told, and domains with what was looked up, as
 * text that can be played again. */
#include <stdlib.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_hosts.h"
#include "agent/control_json.h"
#include "model/recording.h"
#include "model/result_text.h"
#include "agent/site.h"
#include "model/zone.h"

/* As JSON it takes up more: a line's end and a quote two bytes each. */
#define PIECE_MAX (KMS_RESULT_TEXT_MAX + 4096)

/* Of a domain, written at once, so that it is whole. */
#define DOMAIN_MAX ((size_t)4 << 20)
/* Of that a piece. */
#define PART_MAX ((size_t)16 << 10)

struct dumping {
    struct kms_control_hosts hosts;
    size_t slot;    /* the host that is told */
    uint32_t index; /* its number; 0: the next one begins */
    size_t result;  /* its next */
    struct kms_buf text;
    size_t zone;           /* the next domain */
    struct kms_buf domain; /* the one that is told */
    size_t sent;           /* of it */
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

static void put_text(struct kms_control_call *call, const char *text)
{
    bool ok = true;
    json_t *item = json_object();
    kms_json_text(item, "text", text, &ok);
    kms_control_put(call, kms_json_whole(item, ok));
}

/* ---- domains ---- */

/* Where the system's search domains are discovered, each domain may be one. */
static bool is_discovered(const struct kms_site *site, const char *domain)
{
    return site->discover_search || kms_texts_has(&site->discover, domain);
}

static enum kms_status write_domain(const struct kms_control_parts *parts, size_t zone,
                                    struct kms_buf *buf)
{
    struct kms_recorded_domain domain;
    bool discover = is_discovered(parts->site, kms_zones_get(parts->zones, zone)->name);
    enum kms_status status = kms_recording_take_zone(parts->zones, zone, discover, &domain);
    if (status != KMS_OK) {
        return status == KMS_ENOTFOUND ? KMS_OK : status;
    }
    status = kms_buf_add_str(buf, "\n");
    if (status == KMS_OK) {
        status = kms_recording_write_domain(&domain, buf);
    }
    kms_recorded_domain_done(&domain);
    return status;
}

/* Whole lines, as many as fit; a line is short. */
static size_t part_of(const char *text, size_t len)
{
    size_t end = len < PART_MAX ? len : PART_MAX;
    while (end < len && end > 0 && text[end - 1] != '\n') {
        end--;
    }
    return end;
}

static void put_part(struct kms_control_call *call, struct dumping *dumping)
{
    const char *rest = kms_buf_str(&dumping->domain) + dumping->sent;
    size_t len = part_of(rest, dumping->domain.len - dumping->sent);
    kms_buf_clear(&dumping->text);
    if (len == 0 || kms_buf_add(&dumping->text, rest, len) != KMS_OK) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    dumping->sent += len;
    put_text(call, kms_buf_str(&dumping->text));
}

/* A domain that has not been looked up has nothing to tell. */
static void put_domain(struct kms_control_call *call)
{
    struct dumping *dumping = kms_control_kept(call);
    const struct kms_control_parts *parts = kms_control_parts(call);
    if (dumping->sent < dumping->domain.len) {
        put_part(call, dumping);
        return;
    }
    if (!parts->zones || dumping->zone >= kms_zones_count(parts->zones)) {
        kms_control_end(call);
        return;
    }
    kms_buf_clear(&dumping->domain);
    dumping->sent = 0;
    enum kms_status status = write_domain(parts, dumping->zone++, &dumping->domain);
    if (status != KMS_OK) {
        kms_control_fail(call, "", "%s", kms_status_text(status));
    }
}

/* ---- hosts ---- */

/* Those who ask for a host want nothing else. */
static void end_hosts(struct kms_control_call *call, const struct dumping *dumping)
{
    if (kms_control_hosts_are_all(&dumping->hosts)) {
        kms_control_step(call, put_domain);
    } else {
        kms_control_end(call);
    }
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
            end_hosts(call, dumping);
            return;
        }
        status = add_head(dumping, snapshot);
    } else {
        status = add_result(dumping, board);
    }
    if (status != KMS_OK) {
        kms_control_fail(call, "", "%s", kms_status_text(status));
    } else if (dumping->text.len > 0) {
        put_text(call, kms_buf_str(&dumping->text));
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
    kms_buf_init(&dumping->domain, DOMAIN_MAX);
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
        kms_buf_done(&dumping->domain);
    }
    free(dumping);
}

const struct kms_control_command kms_control_dump = {
    .name = "dump", .start = start_dump, .done = end_dump};
