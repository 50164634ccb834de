/* Sorts both lists of hosts by name and walks them side by side. */
#include "agent/site_diff.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* ---- one host ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && kms_text_equal(a, b));
}

static bool same_texts(const struct kms_texts *a, const struct kms_texts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = kms_text_equal(a->text[i], b->text[i]);
    }
    return same;
}

bool kms_site_same_credentials(const struct kms_credentials *a, const struct kms_credentials *b)
{
    if (!a || !b) {
        return a == b;
    }
    return same_text(a->name, b->name) && a->auth == b->auth && same_text(a->user, b->user) &&
           same_text(a->password_file, b->password_file) && same_text(a->keytab, b->keytab) &&
           same_text(a->ccache, b->ccache) && same_text(a->certificate, b->certificate) &&
           same_text(a->key, b->key);
}

static int64_t port_of(const struct kms_target *target, enum kms_source source)
{
    int64_t own = target->source[source].port;
    return own != 0 ? own : target->port;
}

/* What the source looks at is the same thing. */
static bool same_place(const struct kms_target *was, const struct kms_target *now,
                       enum kms_source source)
{
    const char *was_url = was->source[source].url;
    const char *now_url = now->source[source].url;
    bool same_address = kms_text_equal_nocase(kms_target_address(was), kms_target_address(now));
    switch (source) {
    case KMS_SOURCE_REPORT:
        return same_text(was_url, now_url);
    case KMS_SOURCE_WSMAN:
        return same_text(was_url, now_url) && (was_url || same_address);
    case KMS_SOURCE_DNS: /* looked up by domain, and judged again when that is another one */
        return true;
    default:
        return same_address && port_of(was, source) == port_of(now, source);
    }
}

/* It is asked in the same way. */
static bool same_way(const struct kms_source_config *was, const struct kms_source_config *now)
{
    return same_text(was->ca_file, now->ca_file) && same_text(was->product, now->product) &&
           was->ndr64 == now->ndr64 && same_text(was->service, now->service) &&
           same_text(was->pin, now->pin) &&
           kms_site_same_credentials(was->credentials, now->credentials) &&
           was->size_max == now->size_max;
}

/* Nothing of it is different that the scheduler or the judge would notice. */
static bool same_pace(const struct kms_source_config *was, const struct kms_source_config *now,
                      enum kms_source source)
{
    bool same = was->max_age_ms == now->max_age_ms && was->port == now->port;
    return same && (source == KMS_SOURCE_DNS ||
                    (was->interval_ms == now->interval_ms && was->timeout_ms == now->timeout_ms));
}

static bool compare_source(const struct kms_target *was, const struct kms_target *now,
                           enum kms_source source, struct kms_site_turn *turn)
{
    const struct kms_source_config *before = &was->source[source];
    const struct kms_source_config *after = &now->source[source];
    if (!before->enabled) {
        return after->enabled; /* a new source is asked at once in any case */
    }
    bool moved = after->enabled && !same_place(was, now, source);
    bool other = after->enabled && !same_way(before, after);
    if (!after->enabled || moved) {
        turn->elsewhere |= KMS_BIT(source);
    }
    if (moved || other) {
        turn->anew |= KMS_BIT(source);
    }
    return !after->enabled || moved || other || !same_pace(before, after, source);
}

bool kms_site_compare(const struct kms_target *was, const struct kms_target *now,
                      struct kms_site_turn *ret)
{
    struct kms_site_turn turn = {0};
    bool differs = !kms_text_equal(was->name, now->name) ||
                   !same_text(was->address, now->address) || was->port != now->port ||
                   was->port_given != now->port_given || was->origin != now->origin ||
                   was->classes != now->classes || !same_texts(&was->publish_in, &now->publish_in);
    for (int source = 1; source <= KMS_SOURCE_MAX; source++) {
        differs |= compare_source(was, now, (enum kms_source)source, &turn);
    }
    *ret = turn;
    return differs;
}

/* ---- all hosts ---- */

struct named {
    const char *name;
    size_t at;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    return strcasecmp(x->name, y->name);
}

static int by_position(const void *a, const void *b)
{
    const size_t *x = a;
    const size_t *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_now(const void *a, const void *b)
{
    const struct kms_site_changed *x = a;
    const struct kms_site_changed *y = b;
    return (x->now > y->now) - (x->now < y->now);
}

struct walk {
    struct named *was, *now;
    struct kms_site_diff diff;
};

static bool make_room(struct walk *walk, size_t was_count, size_t now_count)
{
    struct kms_site_diff *diff = &walk->diff;
    walk->was = calloc(was_count + 1, sizeof *walk->was);
    walk->now = calloc(now_count + 1, sizeof *walk->now);
    diff->removed = calloc(was_count + 1, sizeof *diff->removed);
    diff->added = calloc(now_count + 1, sizeof *diff->added);
    diff->changed = calloc(now_count + 1, sizeof *diff->changed);
    return walk->was && walk->now && diff->removed && diff->added && diff->changed;
}

static void meet(struct kms_site_diff *diff, const struct kms_target *was, size_t was_at,
                 const struct kms_target *now, size_t now_at)
{
    struct kms_site_turn turn;
    if (kms_site_compare(was, now, &turn)) {
        diff->changed[diff->changed_count++] = (struct kms_site_changed){was_at, now_at, turn};
    } else {
        diff->unchanged++;
    }
}

static void compare_lists(struct walk *walk, const struct kms_target *const *was, size_t was_count,
                          const struct kms_target *now, size_t now_count)
{
    struct kms_site_diff *diff = &walk->diff;
    size_t i = 0, j = 0;
    while (i < was_count || j < now_count) {
        int order = i == was_count   ? 1
                    : j == now_count ? -1
                                     : strcasecmp(walk->was[i].name, walk->now[j].name);
        if (order < 0) {
            diff->removed[diff->removed_count++] = walk->was[i++].at;
        } else if (order > 0) {
            diff->added[diff->added_count++] = walk->now[j++].at;
        } else {
            size_t was_at = walk->was[i++].at, now_at = walk->now[j++].at;
            meet(diff, was[was_at], was_at, &now[now_at], now_at);
        }
    }
}

/* In the order of the file, which is the one that people expect of numbers and of the log. */
static void put_in_order(struct kms_site_diff *diff)
{
    qsort(diff->removed, diff->removed_count, sizeof *diff->removed, by_position);
    qsort(diff->added, diff->added_count, sizeof *diff->added, by_position);
    qsort(diff->changed, diff->changed_count, sizeof *diff->changed, by_now);
}

enum kms_status kms_site_diff(const struct kms_target *const *was, size_t was_count,
                              const struct kms_target *now, size_t now_count,
                              struct kms_site_diff *ret)
{
    struct walk walk = {0};
    bool whole = make_room(&walk, was_count, now_count);
    if (whole) {
        for (size_t i = 0; i < was_count; i++) {
            walk.was[i] = (struct named){was[i]->name, i};
        }
        for (size_t i = 0; i < now_count; i++) {
            walk.now[i] = (struct named){now[i].name, i};
        }
        qsort(walk.was, was_count, sizeof *walk.was, by_name);
        qsort(walk.now, now_count, sizeof *walk.now, by_name);
        compare_lists(&walk, was, was_count, now, now_count);
        put_in_order(&walk.diff);
        *ret = walk.diff;
    } else {
        kms_site_diff_done(&walk.diff);
    }
    free(walk.was);
    free(walk.now);
    return whole ? KMS_OK : KMS_ENOMEM;
}

void kms_site_diff_done(struct kms_site_diff *diff)
{
    free(diff->removed);
    free(diff->added);
    free(diff->changed);
    *diff = (struct kms_site_diff){0};
}

/* ---- what must wait ---- */

static bool same_user(const struct kms_site_user *a, const struct kms_site_user *b)
{
    return same_text(a->name, b->name) && a->auth == b->auth && a->priv == b->priv &&
           same_text(a->auth_file, b->auth_file) && same_text(a->priv_file, b->priv_file);
}

static bool same_snmp(const struct kms_site_snmp *a, const struct kms_site_snmp *b)
{
    bool same = same_texts(&a->listen, &b->listen) && same_text(a->community, b->community) &&
                same_text(a->community_file, b->community_file) && a->user_count == b->user_count;
    for (size_t i = 0; same && i < a->user_count; i++) {
        same = same_user(&a->user[i], &b->user[i]);
    }
    return same;
}

static bool same_control(const struct kms_site_control *a, const struct kms_site_control *b)
{
    return same_text(a->socket, b->socket) && same_text(a->group, b->group) &&
           same_text(a->operators, b->operators);
}

static bool same_product(const struct kms_product *a, const struct kms_product *b)
{
    return kms_guid_equal(&a->application, &b->application) &&
           kms_guid_equal(&a->counted, &b->counted) && kms_guid_equal(&a->sku, &b->sku) &&
           same_text(a->name, b->name) && same_text(a->kind, b->kind) &&
           same_text(a->sku_name, b->sku_name) && a->protocol == b->protocol &&
           a->n_policy == b->n_policy && same_text(a->sources, b->sources);
}

bool kms_site_same_products(const struct kms_products *a, const struct kms_products *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_product(&a->row[i], &b->row[i]);
    }
    return same;
}

static enum kms_status name_key(bool same, const char *key, struct kms_buf *buf)
{
    return same ? KMS_OK : kms_buf_addf(buf, "%s%s", buf->len > 0 ? ", " : "", key);
}

enum kms_status kms_site_unmoved(const struct kms_site *was, const struct kms_site *now,
                                 bool with_port, struct kms_buf *buf)
{
    enum kms_status status = name_key(same_text(was->agentx, now->agentx), "agentx", buf);
    if (status == KMS_OK) {
        status = name_key(was->ping_ms == now->ping_ms, "ping-interval", buf);
    }
    if (status == KMS_OK) {
        status = name_key(same_text(was->state_dir, now->state_dir), "state-dir", buf);
    }
    if (status == KMS_OK) {
        status = name_key(same_control(&was->control, &now->control), "control", buf);
    }
    if (status == KMS_OK) {
        status = name_key(same_text(was->user, now->user), "user", buf);
    }
    if (status == KMS_OK) {
        status = name_key(same_text(was->group, now->group), "group", buf);
    }
    bool same_store = was->store.history_ms == now->store.history_ms &&
                      was->store.size_max == now->store.size_max;
    if (status == KMS_OK) {
        status = name_key(same_store, "store", buf);
    }
    if (status == KMS_OK && with_port) {
        status = name_key(same_snmp(&was->snmp, &now->snmp), "snmp", buf);
    }
    return status;
}
