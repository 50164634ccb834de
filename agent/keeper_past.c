/* Every host of the store is compared with the name: as a whole, by its first label, by likeness.
 */
#include "agent/keeper_past.h"

#include <string.h>
#include <strings.h>

#include "base/bind.h"
#include "base/text.h"

#define NEAR_MAX 3 /* letters that may differ; of short names no more than a third */

/* Higher is better. */
enum fit { FIT_NOT, FIT_LABEL, FIT_NAME };

struct search {
    const char *name;
    size_t len;
    enum fit best;
    size_t distance[KMS_KEEPER_PAST_NEAR]; /* of those that are near, ascending */
    struct kms_keeper_past past;
};

static enum fit fit_of(const struct search *search, const char *host)
{
    if (strcasecmp(host, search->name) == 0) {
        return FIT_NAME;
    }
    bool label = search->len > 0 && strncasecmp(host, search->name, search->len) == 0 &&
                 host[search->len] == '.';
    return label ? FIT_LABEL : FIT_NOT;
}

/* Letters that differ, whatever their case; of the first label alone where no other is given. */
static size_t distance_of(const struct search *search, const char *host)
{
    char wanted[KMS_HISTORY_NAME_SIZE];
    char given[KMS_HISTORY_NAME_SIZE];
    if (!kms_text_copy(wanted, sizeof wanted, search->name) ||
        !kms_text_copy(given, sizeof given, host)) {
        return SIZE_MAX;
    }
    if (!strchr(wanted, '.')) {
        given[strcspn(given, ".")] = '\0';
    }
    for (char *c = wanted; *c; c++) {
        *c = kms_text_lower(*c);
    }
    return kms_bind_distance(wanted, given);
}

static void add_near(struct search *search, const char *host, size_t distance)
{
    struct kms_keeper_past *past = &search->past;
    size_t at = past->near_count;
    while (at > 0 && search->distance[at - 1] > distance) {
        at--;
    }
    if (at == KMS_KEEPER_PAST_NEAR) {
        return;
    }
    past->near_count += past->near_count < KMS_KEEPER_PAST_NEAR ? 1 : 0;
    for (size_t i = past->near_count - 1; i > at; i--) {
        search->distance[i] = search->distance[i - 1];
        memcpy(past->near[i], past->near[i - 1], sizeof past->near[i]);
    }
    search->distance[at] = distance;
    kms_text_copy(past->near[at], sizeof past->near[at], host);
}

static enum kms_status look_at(void *arg, const char *host)
{
    struct search *search = arg;
    struct kms_keeper_past *past = &search->past;
    enum fit fit = fit_of(search, host);
    if (fit > search->best) { /* whatever was worse does not count */
        search->best = fit;
        past->fitting = 0;
        past->near_count = 0;
    }
    if (fit != FIT_NOT && fit == search->best) {
        past->fitting++;
        kms_text_copy(past->host, sizeof past->host, host);
        add_near(search, host, 0);
    }
    size_t distance = search->best == FIT_NOT ? distance_of(search, host) : SIZE_MAX;
    if (distance <= NEAR_MAX && distance <= search->len / 3) {
        add_near(search, host, distance);
    }
    return KMS_OK;
}

enum kms_status kms_keeper_past_find(struct kms_store *store, const char *name,
                                     struct kms_keeper_past *ret, struct kms_fault *fault)
{
    struct search search = {.name = name, .len = strlen(name)};
    struct kms_keeper_past *past = &search.past;
    enum kms_status status = kms_store_hosts(store, look_at, &search, fault);
    past->is_whole = search.best == FIT_NAME;
    past->last_s = INT64_MIN;
    if (status == KMS_OK && past->fitting == 1) {
        status = kms_store_last_hour(store, past->host, &past->last_s, fault);
    }
    if (past->last_s == INT64_MIN) {
        past->host[0] = '\0';
    }
    if (past->fitting == 1 && past->last_s == INT64_MIN) { /* it is none that could be meant */
        past->near_count = 0;
    }
    if (status == KMS_OK) {
        *ret = *past;
    }
    return status;
}
