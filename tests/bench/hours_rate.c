/* What it costs to write the hours of a fleet: an hour is played against a store, each host put
 * once in so many seconds, a part of them every STEP seconds. Usage: hours_rate STORE HOSTS SECONDS
 * STEP; prints bytes written to the disk, processor time in ms, the longest transaction in ms and
 * how many there were. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "store/store.h"

#define HOUR_S  3600
#define START_S INT64_C(1763683200)

struct fleet {
    struct kms_store *store;
    uint64_t hosts, turn_s, step_s;
    int64_t longest_us, transactions;
};

static enum kms_status put_host(struct kms_store *store, uint64_t host, int64_t hour_s)
{
    static const char *const keys[] = {"Windows", "Office"};
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(keys); i++) {
        struct kms_history_hour hour = {.hour_s = hour_s,
                                        .count_known = true,
                                        .count_last = 30,
                                        .count_min = 29,
                                        .count_max = 50,
                                        .required_client = 25,
                                        .required_server = 5,
                                        .requests_known = true,
                                        .requests = 7,
                                        .failed = 1};
        kms_text_format(hour.host, sizeof hour.host, "kms%05" PRIu64 ".corp.example.com", host);
        kms_text_copy(hour.key, sizeof hour.key, keys[i]);
        status = kms_store_put_hour(store, &hour, NULL);
    }
    return status;
}

/* Hosts whose turn begins then are one transaction. */
static enum kms_status play_step(struct fleet *fleet, uint64_t second, int64_t hour_s)
{
    const struct kms_clock clock = kms_clock_system();
    uint64_t at = second % fleet->turn_s;
    uint64_t from = fleet->hosts * at / fleet->turn_s;
    uint64_t to = fleet->hosts * (at + fleet->step_s) / fleet->turn_s;
    int64_t begun_us = kms_clock_mono_us(&clock);
    enum kms_status status = kms_store_begin(fleet->store, NULL);
    for (uint64_t host = from; status == KMS_OK && host < to; host++) {
        status = put_host(fleet->store, host, hour_s);
    }
    status = status == KMS_OK ? kms_store_commit(fleet->store, NULL) : status;
    int64_t took_us = kms_clock_mono_us(&clock) - begun_us;
    fleet->longest_us = took_us > fleet->longest_us ? took_us : fleet->longest_us;
    fleet->transactions++;
    return status;
}

static enum kms_status play_hour(struct fleet *fleet, int64_t hour_s)
{
    enum kms_status status = KMS_OK;
    fleet->longest_us = 0;
    fleet->transactions = 0;
    for (uint64_t second = 0; status == KMS_OK && second < HOUR_S; second += fleet->step_s) {
        status = play_step(fleet, second, hour_s);
    }
    return status;
}

static int64_t processor_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int64_t written_bytes(void)
{
    struct kms_buf text;
    struct kms_file_stamp stamp;
    uint64_t bytes = 0;
    kms_buf_init(&text, 4096);
    if (kms_file_read("/proc/self/io", &text, &stamp, NULL) == KMS_OK) {
        const char *at = strstr(kms_buf_str(&text), "\nwrite_bytes: ");
        at = at ? at + strlen("\nwrite_bytes: ") : "";
        (void)kms_text_u64_len(at, strcspn(at, "\n"), &bytes);
    }
    kms_buf_done(&text);
    return (int64_t)bytes;
}

int main(int argc, char **argv)
{
    struct fleet fleet = {.store = NULL};
    struct kms_fault fault = {.text = ""};
    bool sound = argc == 5 && kms_text_u64(argv[2], &fleet.hosts) &&
                 kms_text_u64(argv[3], &fleet.turn_s) && kms_text_u64(argv[4], &fleet.step_s) &&
                 fleet.step_s > 0 && fleet.turn_s >= fleet.step_s &&
                 fleet.turn_s % fleet.step_s == 0;
    if (!sound) {
        (void)fprintf(stderr, "Usage: hours_rate STORE HOSTS SECONDS STEP\n");
        return 2;
    }
    enum kms_status status = kms_store_open(argv[1], &fleet.store, &fault);
    if (status == KMS_OK) {
        status = play_hour(&fleet, START_S); /* the names come in here */
    }
    int64_t bytes = written_bytes();
    int64_t used_us = processor_us();
    status = status == KMS_OK ? play_hour(&fleet, START_S + HOUR_S) : status;
    if (status == KMS_OK) {
        (void)printf("bytes %" PRId64 "\ncpu-ms %" PRId64 "\nlongest-ms %" PRId64
                     "\ntransactions %" PRId64 "\n",
                     written_bytes() - bytes, (processor_us() - used_us) / 1000,
                     fleet.longest_us / 1000, fleet.transactions);
    }
    kms_store_close(fleet.store);
    return status == KMS_OK ? 0 : 1;
}
