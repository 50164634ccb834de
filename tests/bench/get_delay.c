/* How long a GET waits while an agent is at work: one question after the other, a few milliseconds
 * apart, until a counter has grown by so much or the time is over. Usage: get_delay ADDRESS OID
 * GROWTH SECONDS [PID]; OID is the counter, GROWTH 0: until the time is over. Prints how long it
 * took in ms, how many GETs, their delays in us: median, 99th percentile, the longest; by how much
 * the counter grew; and with PID the processor time in ms that the process used meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "base/clock.h"
#include "base/text.h"

#define GETS_MAX 200000
#define PAUSE_NS 2000000

static int64_t delay[GETS_MAX];

static void die(const char *text)
{
    (void)fprintf(stderr, "get_delay: %s\n", text);
    exit(2);
}

static uint64_t get(void *session, const oid *name, size_t len)
{
    netsnmp_pdu *response = NULL;
    netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
    if (!pdu || !snmp_add_null_var(pdu, name, len) ||
        snmp_sess_synch_response(session, pdu, &response) != STAT_SUCCESS ||
        response->errstat != SNMP_ERR_NOERROR || !response->variables ||
        (response->variables->type != ASN_COUNTER && response->variables->type != ASN_GAUGE)) {
        die("no answer, or no number");
    }
    uint64_t number = (uint64_t)*response->variables->val.integer;
    snmp_free_pdu(response);
    return number;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of all its threads, in us. */
static int64_t processor_us(uint64_t pid)
{
    struct timespec used;
    clockid_t clock;
    if (pid == 0) {
        return 0;
    }
    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        die("no such process");
    }
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static void *open_session(char *address)
{
    netsnmp_session wish;
    char community[] = "public";
    snmp_sess_init(&wish);
    wish.version = SNMP_VERSION_2c;
    wish.peername = address;
    wish.community = (u_char *)community;
    wish.community_len = strlen(community);
    wish.retries = 0;
    wish.timeout = 5000000;
    return snmp_sess_open(&wish);
}

int main(int argc, char **argv)
{
    oid name[MAX_OID_LEN];
    size_t len = MAX_OID_LEN, count = 0;
    uint64_t growth = 0, seconds = 0, pid = 0;
    const struct kms_clock clock = kms_clock_system();
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void)setenv("MIBS", "", 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    init_snmp("get_delay");
    if (argc < 5 || argc > 6 || !read_objid(argv[2], name, &len) ||
        !kms_text_u64(argv[3], &growth) || !kms_text_u64(argv[4], &seconds) ||
        (argc == 6 && !kms_text_u64(argv[5], &pid))) {
        die("usage: get_delay ADDRESS OID GROWTH SECONDS [PID]");
    }
    void *session = open_session(argv[1]);
    if (!session) {
        die("no session");
    }
    uint64_t first = get(session, name, len), last = first;
    int64_t start_us = kms_clock_mono_us(&clock), used_us = processor_us(pid), now_us = start_us;
    while (count < GETS_MAX && now_us - start_us < (int64_t)seconds * 1000000 &&
           (growth == 0 || last - first < growth)) {
        int64_t asked_us = kms_clock_mono_us(&clock);
        last = get(session, name, len);
        now_us = kms_clock_mono_us(&clock);
        delay[count++] = now_us - asked_us;
        (void)nanosleep(&pause, NULL);
    }
    used_us = processor_us(pid) - used_us;
    qsort(delay, count, sizeof delay[0], compare);
    (void)printf("%.1f %zu %lld %lld %lld %llu %.1f\n", (double)(now_us - start_us) / 1000, count,
                 (long long)delay[count / 2], (long long)delay[count * 99 / 100],
                 (long long)delay[count - 1], (unsigned long long)(last - first),
                 (double)used_us / 1000);
    (void)snmp_sess_close(session);
    return 0;
}
