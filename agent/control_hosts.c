/* Finds hosts on the board by what people call them. */
#include "agent/control_hosts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/text.h"

#define NAMES_MAX 4096

static const char *name_at(const struct kms_control_hosts *hosts, size_t i)
{
    return hosts->single ? hosts->single : json_string_value(json_array_get(hosts->names, i));
}

bool kms_control_hosts_begin(struct kms_control_hosts *hosts, struct kms_control_call *call)
{
    const json_t *request = kms_control_request(call);
    const json_t *one = json_object_get(request, "host"), *many = json_object_get(request, "hosts");
    bool sound = (!one || json_is_string(one)) && (!many || json_is_array(many)) && !(one && many);
    for (size_t i = 0; sound && i < json_array_size(many); i++) {
        sound = json_is_string(json_array_get(many, i));
    }
    if (!sound || json_array_size(many) > NAMES_MAX) {
        kms_control_fail(call, "", "host is to be a text, or hosts an array of at most %d texts",
                         NAMES_MAX);
        return false;
    }
    hosts->names = many;
    hosts->single = json_string_value(one);
    hosts->named = one ? 1 : json_array_size(many);
    if (many && hosts->named == 0) {
        kms_control_fail(call, "", "hosts names no host");
        return false;
    }
    if (hosts->named > 0) {
        hosts->found = calloc(hosts->named, sizeof *hosts->found);
        if (!hosts->found) {
            kms_control_fail(call, "", "out of memory");
            return false;
        }
    }
    return true;
}

void kms_control_hosts_done(struct kms_control_hosts *hosts)
{
    free(hosts->found);
    *hosts = (struct kms_control_hosts){0};
}

/* How well a host fits a name; higher is better. */
enum fit { FIT_NOT, FIT_LABEL, FIT_ADDRESS, FIT_NAME };

static enum fit fit_of(const struct kms_target *target, const char *name, size_t len)
{
    if (strcasecmp(target->name, name) == 0) {
        return FIT_NAME;
    }
    if (target->address && strcasecmp(target->address, name) == 0) {
        return FIT_ADDRESS;
    }
    bool label = len > 0 && strncasecmp(target->name, name, len) == 0 && target->name[len] == '.';
    return label ? FIT_LABEL : FIT_NOT;
}

static void refuse(struct kms_control_call *call, const char *name, size_t fitting)
{
    char clean[100];
    kms_text_clean(clean, sizeof clean, name, strlen(name));
    if (fitting > 1) {
        kms_control_fail(call, "give the whole name, see kmsmon show", "%zu hosts fit '%s'",
                         fitting, clean);
    } else {
        kms_control_fail(call, "kmsmon show lists the hosts", "no host '%s' is watched", clean);
    }
}

/* How many fit the next name best, and one of them. */
static size_t search(const struct kms_control_hosts *hosts, const struct kms_board *board,
                     struct kms_control_host *ret)
{
    const char *name = name_at(hosts, hosts->found_count);
    size_t len = strlen(name), fitting = 0;
    enum fit best = FIT_NOT;
    for (size_t slot = 0; slot < kms_board_count(board) && best != FIT_NAME; slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, slot);
        enum fit fit = snapshot->retired ? FIT_NOT : fit_of(snapshot->target, name, len);
        if (fit == FIT_NOT || fit < best) {
            continue;
        }
        fitting = fit > best ? 1 : fitting + 1;
        best = fit;
        *ret = (struct kms_control_host){slot, snapshot->index};
    }
    return fitting;
}

bool kms_control_hosts_find(struct kms_control_hosts *hosts, struct kms_control_call *call,
                            bool *ret_all)
{
    *ret_all = hosts->found_count == hosts->named;
    if (*ret_all) {
        return true;
    }
    struct kms_control_host host = {0};
    size_t fitting = search(hosts, kms_control_parts(call)->board, &host);
    if (fitting != 1) {
        refuse(call, name_at(hosts, hosts->found_count), fitting);
        return false;
    }
    hosts->found[hosts->found_count++] = host;
    *ret_all = hosts->found_count == hosts->named;
    return true;
}

bool kms_control_hosts_is_watched(const struct kms_control_hosts *hosts,
                                  struct kms_control_call *call, bool *ret_whole)
{
    const struct kms_board *board = kms_control_parts(call)->board;
    struct kms_control_host host = {0};
    bool is_watched = search(hosts, board, &host) > 0;
    *ret_whole = is_watched && strcasecmp(kms_board_snapshot(board, host.slot)->target->name,
                                          name_at(hosts, hosts->found_count)) == 0;
    return is_watched;
}

void kms_control_hosts_name(const struct kms_control_hosts *hosts, char *dst, size_t size)
{
    const char *name = name_at(hosts, hosts->found_count);
    kms_text_clean(dst, size, name, strlen(name));
}

const struct kms_snapshot *kms_control_hosts_next(struct kms_control_hosts *hosts,
                                                  const struct kms_board *board, size_t *ret_slot)
{
    size_t count = kms_control_hosts_are_all(hosts) ? kms_board_count(board) : hosts->found_count;
    while (hosts->at < count) {
        size_t at = hosts->at++;
        size_t slot = hosts->found ? hosts->found[at].slot : at;
        const struct kms_snapshot *snapshot = slot < kms_board_count(board)
                                                  ? kms_board_snapshot(board, slot)
                                                  : NULL;
        if (snapshot && !snapshot->retired &&
            (!hosts->found || snapshot->index == hosts->found[at].index)) {
            *ret_slot = slot;
            return snapshot;
        }
    }
    return NULL;
}
