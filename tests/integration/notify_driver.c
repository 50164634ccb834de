/* Sends made-up alarms of a made-up board to a real master agent, as told on standard input, and
 * prints what became of them: notify_driver SOCKET PING-SECONDS [STATE-FOLDER]; with a state folder
 * it is no subagent, but an agent of its own that listens at SOCKET.
 *
 * raise|clear KIND ALARM      one notification; KIND as in KmsmonAlarmKind
 * end                         ends
 *
 * It prints "ready" once, then "notice NUMBER taken", "notice NUMBER refused", or why
 * it was not queued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/agentx.h"
#include "agent/notify.h"
#include "agent/site.h"
#include "unit/mib/fixture.h"

struct driver {
    struct kms_loop *loop;
    struct kms_notify *notify;
    uint64_t notices;
    char line[256];
    size_t len;
};

static void say(uint64_t notice, const char *what)
{
    (void)printf("notice %llu %s\n", (unsigned long long)notice, what);
    (void)fflush(stdout);
}

static void confirmed(void *arg, uint64_t notice, bool taken)
{
    (void)arg;
    say(notice, taken ? "taken" : "refused");
}

/* Of the fixture: kms1 refuses binds, kms07 has keys, kms2 is not published in b.example. */
static struct kms_alarm_row row_of(int type)
{
    switch (type) {
    case KMS_ALARM_UNREACHABLE:
        return (struct kms_alarm_row){2, 1, {5, 0}};
    case KMS_ALARM_COUNT_LOW:
        return (struct kms_alarm_row){4, 2, {7, KMS_CLASS_CLIENT}};
    case KMS_ALARM_KEY:
    case KMS_ALARM_REQUESTS:
        return (struct kms_alarm_row){3, 2, {7, 1}};
    case KMS_ALARM_PUBLICATION:
        return (struct kms_alarm_row){7, 2, {12, 1}};
    case KMS_ALARM_ROGUE:
        return (struct kms_alarm_row){6, 2, {9, 3}};
    case KMS_ALARM_STALE:
        return (struct kms_alarm_row){10, 2, {7, KMS_SOURCE_REPORT}};
    default:
        return (struct kms_alarm_row){2, 1, {7, 0}};
    }
}

static void tell(struct driver *driver, bool cleared, int type, uint32_t index)
{
    struct kms_alarm_news news = {.cleared = cleared};
    news.alarm = (struct kms_alarm){.index = index,
                                    .type = (enum kms_alarm_type)type,
                                    .severity = cleared ? KMS_STATE_OK : KMS_STATE_CRITICAL,
                                    .row = row_of(type)};
    (void)kms_text_format(news.alarm.text, sizeof news.alarm.text, "alarm %u is %s", index,
                          cleared ? "over" : "so");
    uint64_t number = ++driver->notices;
    enum kms_status status = kms_notify_send(driver->notify, number, &news);
    if (status != KMS_OK) {
        say(number, kms_status_text(status));
    }
}

static void obey(struct driver *driver, char *line)
{
    char *rest = line;
    const char *verb = strsep(&rest, " ");
    const char *kind = strsep(&rest, " ");
    const char *index = strsep(&rest, " ");
    int type;
    int64_t number;
    if (kms_text_equal(verb, "end")) {
        kms_loop_stop(driver->loop);
    } else if (kind != NULL && index != NULL &&
               kms_word_number(kms_words_alarm_type(), kind, &type) &&
               kms_text_i64(index, &number)) {
        tell(driver, kms_text_equal(verb, "clear"), type, (uint32_t)number);
    } else {
        (void)fprintf(stderr, "notify_driver: what is '%s'?\n", line);
        exit(EXIT_FAILURE);
    }
}

static void on_input(void *arg, int fd, unsigned ready)
{
    (void)ready;
    struct driver *driver = arg;
    ssize_t got = read(fd, driver->line + driver->len, sizeof driver->line - 1 - driver->len);
    if (got <= 0) {
        kms_loop_stop(driver->loop);
        return;
    }
    driver->len += (size_t)got;
    driver->line[driver->len] = '\0';
    char *start = driver->line, *end;
    while ((end = strchr(start, '\n')) != NULL) {
        *end = '\0';
        obey(driver, start);
        start = end + 1;
    }
    driver->len = strlen(start);
    memmove(driver->line, start, driver->len + 1);
}

int main(int argc, char **argv)
{
    int64_t ping_s;
    if (argc < 3 || argc > 4 || !kms_text_i64(argv[2], &ping_s)) {
        (void)fputs("usage: notify_driver SOCKET PING-SECONDS [STATE-FOLDER]\n", stderr);
        return EXIT_FAILURE;
    }
    const struct kms_clock clock = kms_clock_system();
    const struct kms_log log = kms_log_stderr(KMS_LOG_DEBUG);
    struct driver driver = {.loop = kms_loop_new(&clock)};
    struct fixture *f = fixture_new();
    fixture_add_domains(f);
    char *listen[] = {argv[1]};
    const struct kms_site_snmp alone = {.listen = {.text = listen, .count = 1}};
    const struct kms_agentx_config agentx_config = {.socket = argv[1],
                                                    .ping_s = ping_s,
                                                    .standalone = argc == 4 ? &alone : NULL,
                                                    .state_dir = argv[argc - 1]};
    struct kms_agentx *agentx = kms_agentx_start(driver.loop, f->mib, &agentx_config, &log);
    assert_non_null(agentx);
    const struct kms_notify_config config = {
        .loop = driver.loop, .agentx = agentx, .mib = f->mib, .log = &log, .confirmed = confirmed};
    driver.notify = kms_notify_new(&config);
    assert_non_null(driver.notify);
    struct kms_watch *input = kms_watch_new(driver.loop, STDIN_FILENO, KMS_READABLE, on_input,
                                            &driver);
    assert_non_null(input);
    (void)puts("ready");
    (void)fflush(stdout);
    kms_loop_run(driver.loop);
    kms_watch_free(input);
    kms_notify_free(driver.notify);
    kms_agentx_stop(agentx);
    fixture_free(f);
    kms_loop_free(driver.loop);
    return EXIT_SUCCESS;
}
