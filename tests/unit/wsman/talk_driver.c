/* One conversation, or one probe, as a program that scripts can drive: KEY=VALUE..., then lines of
 * what came of it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http.h"
#include "wsman/logins.h"
#include "wsman/probe.h"
#include "wsman/talk.h"

struct driver {
    struct kms_env env;
    struct kms_target target;
    struct kms_credentials credentials;
    struct kms_talk *talk;
    const char *wql; /* "identify", "probe", else a query */
    uint32_t page;
    int64_t times; /* the operation is asked for so often */
    size_t rows, restarts;
    bool wait;         /* between two operations, for a line on standard input */
    int64_t cancel_us; /* cancel a probe after so long, then one after longer, up to here */
    int64_t cancelled; /* how many were, before they were done */
    struct kms_run *run;
    int failed;
};

static void print_end(struct driver *driver, const struct kms_talk_end *end)
{
    printf("outcome=%s stage=%d status=%ld rows=%zu restarts=%zu reaction=%d mechanism=%s\n",
           kms_outcome_row(end->outcome)->token, (int)end->stage, end->status, driver->rows,
           driver->restarts, (int)end->reaction, end->mechanism);
    if (end->reply && end->reply->product_version[0]) {
        printf("version=%s\n", end->reply->product_version);
    }
    if (end->fault_known) {
        printf("fault=%" PRIu32 "\n", end->fault.code);
    }
    printf("detail=%s\n", end->detail);
    (void)fflush(stdout);
    driver->failed = end->outcome == KMS_OUTCOME_OK ? driver->failed : 1;
}

static void ask(struct driver *driver);

static void ended(void *arg, const struct kms_talk_end *end)
{
    struct driver *driver = arg;
    char line[16];
    print_end(driver, end);
    if (--driver->times == 0) {
        kms_loop_stop(driver->env.loop);
        return;
    }
    if (driver->wait && !fgets(line, sizeof line, stdin)) {
        kms_loop_stop(driver->env.loop);
        return;
    }
    ask(driver);
}

static enum kms_status take_row(void *arg, struct kms_wsman_row *row)
{
    struct driver *driver = arg;
    driver->rows++;
    return row->count > 0 ? KMS_OK : KMS_EINVAL;
}

static void restart(void *arg)
{
    struct driver *driver = arg;
    driver->rows = 0;
    driver->restarts++;
}

static void ask(struct driver *driver)
{
    int64_t timeout_ms = driver->target.source[KMS_SOURCE_WSMAN].timeout_ms;
    enum kms_status status;
    driver->rows = 0;
    if (kms_text_equal(driver->wql, "identify")) {
        status = kms_talk_identify(driver->talk, timeout_ms, ended, driver);
    } else {
        const struct kms_talk_query query = {.wql = driver->wql,
                                             .page = driver->page,
                                             .timeout_ms = timeout_ms,
                                             .row = take_row,
                                             .restart = restart,
                                             .done = ended,
                                             .arg = driver};
        status = kms_talk_enumerate(driver->talk, &query);
    }
    if (status != KMS_OK) {
        fprintf(stderr, "not started: %s\n", kms_status_text(status));
        exit(2);
    }
}

static void print_facts(const char *whose, const struct kms_facts *facts)
{
    size_t count;
    const struct kms_fact_row *row = kms_fact_rows(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        if (kms_facts_text(facts, row[i].id)) {
            printf("%s %s=%s\n", whose, row[i].token, kms_facts_text(facts, row[i].id));
        } else if (kms_facts_number(facts, row[i].id, &number)) {
            printf("%s %s=%" PRId64 "\n", whose, row[i].token, number);
        }
    }
}

static void probed(void *arg, const struct kms_result *result)
{
    struct driver *driver = arg;
    printf("outcome=%s keys=%zu\ndetail=%s\n", kms_outcome_row(result->outcome)->token,
           result->key_count, result->detail);
    print_facts("host", &result->host);
    for (size_t i = 0; i < result->key_count; i++) {
        print_facts("key", &result->key[i]);
    }
    driver->failed = kms_outcome_good(result->outcome) ? 0 : 1;
    kms_loop_stop(driver->env.loop);
}

static void cancelled(void *arg)
{
    struct driver *driver = arg;
    kms_run_cancel(driver->run);
    driver->run = NULL;
    driver->cancelled++;
    kms_loop_stop(driver->env.loop);
}

static void probed_or_cancelled(void *arg, const struct kms_result *result)
{
    struct driver *driver = arg;
    driver->run = NULL;
    driver->failed = kms_outcome_good(result->outcome) ? driver->failed : 1;
    kms_loop_stop(driver->env.loop);
}

/* A probe is given up a little later each time, until one is whole. */
static void cancel_at_every_stage(struct driver *driver)
{
    struct kms_timer *timer = kms_timer_new(driver->env.loop, cancelled, driver);
    for (int64_t after_us = 0; timer && after_us <= driver->cancel_us; after_us += 1000) {
        int64_t until_us = kms_clock_mono_us(&driver->env.clock) + after_us;
        driver->run = kms_run_start(&driver->env, kms_wsman_probe(), &driver->target,
                                    probed_or_cancelled, driver);
        if (!driver->run) {
            break;
        }
        int64_t left_us = until_us - kms_clock_mono_us(&driver->env.clock);
        kms_timer_set(timer, left_us > 0 ? left_us / 1000 : 0);
        kms_loop_run(driver->env.loop);
        kms_timer_stop(timer);
    }
    kms_timer_free(timer);
    printf("cancelled=%" PRId64 " failed=%d\n", driver->cancelled, driver->failed);
}

static int64_t number_of(const char *text)
{
    int64_t number;
    if (!kms_text_i64(text, &number)) {
        fprintf(stderr, "'%s' is no number\n", text);
        exit(2);
    }
    return number;
}

static void set(struct driver *driver, char *key, char *value)
{
    static const char *const auths[] = {"negotiate", "kerberos", "ntlm", "basic", "certificate"};
    struct kms_source_config *config = &driver->target.source[KMS_SOURCE_WSMAN];
    const struct {
        const char *key;
        char **place;
    } texts[] = {{"url", &config->url},
                 {"ca", &config->ca_file},
                 {"pin", &config->pin},
                 {"service", &config->service},
                 {"name", &driver->target.name},
                 {"address", &driver->target.address},
                 {"user", &driver->credentials.user},
                 {"password-file", &driver->credentials.password_file},
                 {"keytab", &driver->credentials.keytab},
                 {"ccache", &driver->credentials.ccache},
                 {"certificate", &driver->credentials.certificate},
                 {"key", &driver->credentials.key}};
    for (size_t i = 0; i < KMS_COUNT_OF(texts); i++) {
        if (kms_text_equal(key, texts[i].key)) {
            *texts[i].place = value;
            return;
        }
    }
    for (size_t i = 0; kms_text_equal(key, "auth") && i < KMS_COUNT_OF(auths); i++) {
        if (kms_text_equal(value, auths[i])) {
            driver->credentials.auth = (int64_t)i;
            return;
        }
    }
    if (kms_text_equal(key, "wql")) {
        driver->wql = value;
    } else if (kms_text_equal(key, "page")) {
        driver->page = (uint32_t)number_of(value);
    } else if (kms_text_equal(key, "times")) {
        driver->times = number_of(value);
    } else if (kms_text_equal(key, "cancel")) {
        driver->cancel_us = number_of(value) * 1000;
    } else if (kms_text_equal(key, "wait")) {
        driver->wait = number_of(value) != 0;
    } else if (kms_text_equal(key, "timeout")) {
        config->timeout_ms = number_of(value);
    } else if (kms_text_equal(key, "discovered")) {
        driver->target.origin = KMS_ORIGIN_DISCOVERED;
    } else {
        fprintf(stderr, "unknown: %s=%s\n", key, value);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static char name[] = "kms01.lab.test";
    static char block[] = "driver";
    struct driver driver = {.wql = "probe", .times = 1};
    driver.target.name = name;
    driver.target.origin = KMS_ORIGIN_CONFIGURED;
    driver.credentials.name = block;
    driver.target.source[KMS_SOURCE_WSMAN].enabled = true;
    driver.target.source[KMS_SOURCE_WSMAN].timeout_ms = 20000;
    driver.target.source[KMS_SOURCE_WSMAN].credentials = &driver.credentials;
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) {
            fprintf(stderr, "KEY=VALUE: %s\n", argv[i]);
            return 2;
        }
        *equals = '\0';
        set(&driver, argv[i], equals + 1);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    driver.env.clock = kms_clock_system();
    driver.env.loop = kms_loop_new(&driver.env.clock);
    driver.env.http = kms_http_new(driver.env.loop);
    driver.env.logins = kms_logins_new(driver.env.loop, 4, 2);
    struct kms_run *run = NULL;
    if (driver.cancel_us > 0) {
        cancel_at_every_stage(&driver);
        kms_logins_free(driver.env.logins, 1000);
        kms_http_free(driver.env.http);
        kms_loop_free(driver.env.loop);
        return driver.failed;
    }
    if (kms_text_equal(driver.wql, "probe")) {
        run = kms_run_start(&driver.env, kms_wsman_probe(), &driver.target, probed, &driver);
    } else {
        driver.talk = kms_talk_new(&driver.env, &driver.target, NULL);
        if (driver.talk) {
            ask(&driver);
        }
    }
    if (!run && !driver.talk) {
        fprintf(stderr, "out of memory\n");
        return 2;
    }
    kms_loop_run(driver.env.loop);
    kms_talk_free(driver.talk);
    kms_logins_free(driver.env.logins, 1000);
    kms_http_free(driver.env.http);
    kms_loop_free(driver.env.loop);
    return driver.failed;
}
