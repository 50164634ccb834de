/* Records and hours that wait for the store, in one hash table that moves as a whole. */
#include "agent/keeper_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CAP_MIN 64

/* The names of an hour are those of its item, one after the other: the struct would be 500 bytes of
 * nothing. */
struct hour {
    int64_t hour_s;
    bool count_known, requests_known;
    uint32_t count_last, count_min, count_max, required_client, required_server, requests, failed;
};

static uint32_t add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* As the store does it. */
static void join(struct hour *hour, const struct hour *older)
{
    if (older->count_known) {
        bool known = hour->count_known;
        hour->count_last = known ? hour->count_last : older->count_last;
        hour->count_min = known && hour->count_min < older->count_min ? hour->count_min
                                                                      : older->count_min;
        hour->count_max = known && hour->count_max > older->count_max ? hour->count_max
                                                                      : older->count_max;
        hour->count_known = true;
    }
    hour->required_client = hour->required_client ? hour->required_client : older->required_client;
    hour->required_server = hour->required_server ? hour->required_server : older->required_server;
    hour->requests_known = hour->requests_known || older->requests_known;
    hour->requests = add(hour->requests, older->requests);
    hour->failed = add(hour->failed, older->failed);
}

static void join_items(struct kms_keeper_item *item, const struct kms_keeper_item *older)
{
    struct hour hour;
    struct hour before;
    memcpy(&hour, item->name + item->name_len, sizeof hour);
    memcpy(&before, older->name + older->name_len, sizeof before);
    join(&hour, &before);
    memcpy(item->name + item->name_len, &hour, sizeof hour);
}

static uint64_t hash_of(enum kms_store_kind kind, const char *name, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)kind;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

uint64_t kms_keeper_map_hash(enum kms_store_kind kind, const char *name)
{
    return hash_of(kind, name, strlen(name) + 1);
}

static struct kms_keeper_item **find(const struct kms_keeper_map *map, uint64_t hash,
                                     enum kms_store_kind kind, const char *name, size_t len)
{
    struct kms_keeper_item **at = &map->slot[hash & (map->cap - 1)];
    while (*at && ((*at)->hash != hash || (*at)->kind != kind || (*at)->name_len != len ||
                   memcmp((*at)->name, name, len) != 0)) {
        at = &(*at)->next;
    }
    return at;
}

static bool grow(struct kms_keeper_map *map)
{
    if (map->count < map->cap) {
        return true;
    }
    size_t cap = map->cap == 0 ? CAP_MIN : map->cap * 2;
    struct kms_keeper_item **slot = calloc(cap, sizeof(struct kms_keeper_item *));
    if (!slot) {
        return map->cap > 0; /* fuller, but it works */
    }
    for (size_t i = 0; i < map->cap; i++) {
        struct kms_keeper_item *item = map->slot[i];
        while (item) {
            struct kms_keeper_item *next = item->next;
            struct kms_keeper_item **to = &slot[item->hash & (cap - 1)];
            item->next = *to;
            *to = item;
            item = next;
        }
    }
    free(map->slot);
    map->slot = slot;
    map->cap = cap;
    return true;
}

void kms_keeper_map_done(struct kms_keeper_map *map)
{
    for (size_t i = 0; i < map->cap; i++) {
        struct kms_keeper_item *item = map->slot[i];
        while (item) {
            struct kms_keeper_item *next = item->next;
            free(item);
            item = next;
        }
    }
    free(map->slot);
    *map = (struct kms_keeper_map){0};
}

static enum kms_status put(struct kms_keeper_map *map, const struct kms_keeper_item *from,
                           const char *name, size_t name_len, const void *bytes)
{
    struct kms_keeper_item *item = malloc(sizeof *item + name_len + from->len);
    if (!item || !grow(map)) {
        free(item);
        return KMS_ENOMEM;
    }
    *item = *from;
    item->name_len = name_len;
    item->hash = hash_of(item->kind, name, name_len);
    memcpy(item->name, name, name_len);
    if (from->len > 0) {
        memcpy(item->name + name_len, bytes, from->len);
    }
    struct kms_keeper_item **at = find(map, item->hash, item->kind, name, name_len);
    struct kms_keeper_item *old = *at;
    if (old && item->kind == KMS_KEEPER_HOUR) {
        join_items(item, old);
    }
    item->next = old ? old->next : NULL;
    *at = item;
    map->count += old ? 0 : 1;
    map->hours += !old && item->kind == KMS_KEEPER_HOUR ? 1 : 0;
    free(old);
    return KMS_OK;
}

enum kms_status kms_keeper_map_put(struct kms_keeper_map *map, enum kms_store_kind kind,
                                   const char *name, const void *bytes, size_t len, bool removed)
{
    const struct kms_keeper_item item = {.kind = kind, .removed = removed, .len = len};
    return put(map, &item, name, strlen(name) + 1, bytes);
}

enum kms_status kms_keeper_map_put_hour(struct kms_keeper_map *map,
                                        const struct kms_history_hour *hour)
{
    const struct kms_keeper_item item = {.kind = KMS_KEEPER_HOUR, .len = sizeof(struct hour)};
    char name[2 * KMS_HISTORY_NAME_SIZE + 32];
    size_t host = strlen(hour->host) + 1;
    size_t key = strlen(hour->key) + 1;
    memcpy(name, hour->host, host);
    memcpy(name + host, hour->key, key);
    kms_text_format(name + host + key, 32, "%" PRId64, hour->hour_s);
    size_t len = host + key + strlen(name + host + key) + 1;
    struct hour value;
    memset(&value, 0, sizeof value);
    value.hour_s = hour->hour_s;
    value.count_known = hour->count_known;
    value.requests_known = hour->requests_known;
    value.count_last = hour->count_last;
    value.count_min = hour->count_min;
    value.count_max = hour->count_max;
    value.required_client = hour->required_client;
    value.required_server = hour->required_server;
    value.requests = hour->requests;
    value.failed = hour->failed;
    return put(map, &item, name, len, &value);
}

static void drop(struct kms_keeper_map *map, struct kms_keeper_item **at)
{
    struct kms_keeper_item *item = *at;
    *at = item->next;
    map->count--;
    free(item);
}

void kms_keeper_map_drop(struct kms_keeper_map *map, enum kms_store_kind kind, const char *name)
{
    struct kms_keeper_item **at = map->cap == 0 ? NULL
                                                : find(map, kms_keeper_map_hash(kind, name), kind,
                                                       name, strlen(name) + 1);
    if (at && *at) {
        drop(map, at);
    }
}

void kms_keeper_map_each(const struct kms_keeper_map *map, kms_keeper_item_fn *each, void *arg)
{
    for (size_t i = 0; i < map->cap; i++) {
        for (const struct kms_keeper_item *item = map->slot[i]; item; item = item->next) {
            each(arg, item);
        }
    }
}

/* Of older there is a newer word. */
static void outdate(struct kms_keeper_map *map, struct kms_keeper_item **at,
                    struct kms_keeper_item *older, kms_keeper_needed_fn *needed, void *arg)
{
    if (older->kind == KMS_KEEPER_HOUR) {
        join_items(*at, older);
    } else if ((*at)->removed && !needed(arg, *at)) {
        drop(map, at);
    }
    free(older);
}

static void adopt(struct kms_keeper_map *map, struct kms_keeper_item **at,
                  struct kms_keeper_item *item)
{
    item->next = NULL;
    *at = item;
    map->count++;
    map->hours += item->kind == KMS_KEEPER_HOUR ? 1 : 0;
    (void)grow(map);
}

void kms_keeper_map_merge(struct kms_keeper_map *map, struct kms_keeper_map *older,
                          kms_keeper_needed_fn *needed, void *arg)
{
    if (map->count == 0) {
        kms_keeper_map_done(map);
        *map = *older;
        *older = (struct kms_keeper_map){0};
        return;
    }
    for (size_t i = 0; i < older->cap; i++) {
        struct kms_keeper_item *item = older->slot[i];
        older->slot[i] = NULL;
        while (item) {
            struct kms_keeper_item *next = item->next;
            struct kms_keeper_item **at = find(map, item->hash, item->kind, item->name,
                                               item->name_len);
            if (*at) {
                outdate(map, at, item, needed, arg);
            } else {
                adopt(map, at, item);
            }
            item = next;
        }
    }
    kms_keeper_map_done(older);
}

static enum kms_status write_hour(const struct kms_keeper_item *item, struct kms_store *store,
                                  struct kms_fault *fault)
{
    struct hour value;
    memcpy(&value, item->name + item->name_len, sizeof value);
    struct kms_history_hour hour = {.hour_s = value.hour_s,
                                    .count_known = value.count_known,
                                    .count_last = value.count_last,
                                    .count_min = value.count_min,
                                    .count_max = value.count_max,
                                    .required_client = value.required_client,
                                    .required_server = value.required_server,
                                    .requests_known = value.requests_known,
                                    .requests = value.requests,
                                    .failed = value.failed};
    (void)kms_text_copy(hour.host, sizeof hour.host, item->name);
    (void)kms_text_copy(hour.key, sizeof hour.key, item->name + strlen(item->name) + 1);
    return kms_store_put_hour(store, &hour, fault);
}

static enum kms_status write_item(const struct kms_keeper_item *item, struct kms_store *store,
                                  struct kms_fault *fault)
{
    if (item->kind == KMS_KEEPER_HOUR) {
        return write_hour(item, store, fault);
    }
    if (item->removed) {
        return kms_store_remove(store, item->kind, item->name, fault);
    }
    return kms_store_put(store, item->kind, item->name, item->name + item->name_len, item->len,
                         fault);
}

enum kms_status kms_keeper_map_write(const struct kms_keeper_map *map, struct kms_store *store,
                                     struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < map->cap; i++) {
        const struct kms_keeper_item *item = map->slot[i];
        for (; status == KMS_OK && item; item = item->next) {
            status = write_item(item, store, fault);
        }
    }
    return status;
}
