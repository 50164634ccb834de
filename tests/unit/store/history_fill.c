/* Fills a store with hours of a host that never was: counts that wander over the thresholds, a gap,
 * and requests by day and night. Usage: history_fill STORE HOST DAYS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

#define HOUR_S 3600

/* The same for every run: the picture can be looked at again. */
static uint32_t noise(uint64_t at)
{
    at = (at ^ at >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    at = (at ^ at >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(at >> 33);
}

/* Down over some days, up again, and down once more for a night. */
static uint32_t count_at(int64_t hour, int64_t hours)
{
    int64_t place = hour * 100 / hours;
    int64_t base = place < 40 ? 38 - place / 3 : place < 60 ? 24 - (place - 40) / 2 : 30;
    int64_t count = base + (int64_t)(noise((uint64_t)hour / 5) % 3);
    if (place >= 85 && place < 88) {
        count = 3;
    }
    return (uint32_t)(count > 50 ? 50 : count);
}

static bool is_gap(int64_t hour, int64_t hours)
{
    int64_t place = hour * 100 / hours;
    return (place >= 66 && place < 71) || hour == hours / 5;
}

static struct kms_history_hour hour_of(const char *host, const char *key, int64_t first_s,
                                       int64_t hour, int64_t hours)
{
    struct kms_history_hour value = {.hour_s = first_s + hour * HOUR_S, .count_known = true};
    bool office = kms_text_equal(key, "Office");
    int64_t of_day = value.hour_s / HOUR_S % 24;
    kms_text_copy(value.host, sizeof value.host, host);
    kms_text_copy(value.key, sizeof value.key, key);
    value.count_last = office ? 6 + noise((uint64_t)hour) % 3 : count_at(hour, hours);
    value.count_min = value.count_last - noise((uint64_t)hour + 7) % 2;
    value.count_max = value.count_last + noise((uint64_t)hour + 9) % 3;
    value.required_client = office ? 0 : 25;
    value.required_server = 5;
    value.requests_known = true;
    value.requests = (of_day > 6 && of_day < 19 ? 20U : 2U) + noise((uint64_t)hour + 3) % 9;
    value.failed = noise((uint64_t)hour + 5) % 11 == 0 ? value.requests / 3 : 0;
    return value;
}

/* The hours of hosts HOST, HOST-1 and so on, in the order in which time would bring them. */
static enum kms_status fill(struct kms_store *store, const char *name, int64_t days, uint64_t hosts)
{
    struct kms_clock clock = kms_clock_system();
    int64_t now_s = kms_clock_wall_s(&clock);
    int64_t hours = days * 24;
    int64_t first_s = now_s - now_s % HOUR_S - (hours - 1) * HOUR_S;
    static const char *const keys[] = {"Windows", "Office"};
    enum kms_status status = KMS_OK;
    for (int64_t hour = 0; status == KMS_OK && hour < hours; hour++) {
        status = kms_store_begin(store, NULL);
        for (uint64_t n = 0; status == KMS_OK && n < hosts && !is_gap(hour, hours); n++) {
            char host[KMS_HISTORY_NAME_SIZE];
            kms_text_copy(host, sizeof host, name);
            if (n > 0) {
                kms_text_append(host, sizeof host, "-%llu", (unsigned long long)n);
            }
            for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(keys); i++) {
                struct kms_history_hour value = hour_of(host, keys[i], first_s, hour, hours);
                status = kms_store_put_hour(store, &value, NULL);
            }
        }
        status = status == KMS_OK ? kms_store_commit(store, NULL) : status;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct kms_store *store = NULL;
    struct kms_fault fault = {.text = ""};
    uint64_t days = 0;
    uint64_t hosts = 1;
    if (argc < 4 || argc > 5 || !kms_text_u64(argv[3], &days) || days == 0 || days > 3650 ||
        (argc == 5 && !kms_text_u64(argv[4], &hosts))) {
        (void)fprintf(stderr, "Usage: history_fill STORE HOST DAYS [HOSTS]\n");
        return 2;
    }
    enum kms_status status = kms_store_open(argv[1], &store, &fault);
    if (status == KMS_OK) {
        status = fill(store, argv[2], (int64_t)days, hosts);
        kms_store_close(store);
    }
    if (status != KMS_OK) {
        (void)fprintf(stderr, "history_fill: %s\n", fault.text);
    }
    return status == KMS_OK ? 0 : 1;
}
