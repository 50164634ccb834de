/* The daemon's answer: asked for, put together and read. */
#include "agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/client.h"
#include "control/flat.h"

#define ANSWER_MAX   ((size_t)8 << 20)
#define POLLS_MISSED 3
#define POLL_GRACE_S 60
#define WSMAN_REST_S \
    3600 /* the longest that a host is left alone that has no room or refuses the login */

struct asking {
    struct kms_agent *agent;
    struct kms_control_client client;
    struct kms_clock clock;
    int64_t until_us;
    struct kms_buf *text; /* the lines that are told */
};

static int64_t left_ms(const struct asking *asking)
{
    int64_t left_us = asking->until_us - kms_clock_mono_us(&asking->clock);

    return left_us > 0 ? left_us / 1000 + 1 : 0;
}

static enum kms_agent_end cannot(struct kms_agent *agent, const char *why, const char *next)
{
    kms_text_copy(agent->why, sizeof(agent->why), why);
    kms_text_copy(agent->next, sizeof(agent->next), next);
    return KMS_AGENT_CANNOT;
}

static enum kms_agent_end failed(struct asking *asking, enum kms_status status, const char *why,
                                 const char *next)
{
    switch (status) {
    case KMS_EBUSY:
        return KMS_AGENT_LATE;
    case KMS_ENOMEM:
        return KMS_AGENT_NO_MEMORY;
    default:
        return cannot(asking->agent, why, next);
    }
}

static enum kms_agent_end send_request(struct asking *asking, const char *command,
                                       const char *member, const char *name)
{
    struct kms_buf request;
    struct kms_fault fault = {.text = ""};
    enum kms_status status;

    kms_buf_init(&request, 4096);
    status = kms_buf_addf(&request, "{\"command\":\"%s\",\"%s\":", command, member);
    if (status == KMS_OK) {
        status = kms_flat_quote(&request, name);
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(&request, "}");
    }
    if (status == KMS_ETOOBIG) {
        kms_buf_done(&request);
        return cannot(asking->agent, "the name is too long", "give another one");
    }
    if (status == KMS_OK) {
        status = kms_control_ask(&asking->client, kms_buf_str(&request), left_ms(asking), &fault);
    }
    kms_buf_done(&request);
    return status == KMS_OK ? KMS_AGENT_TOLD
                            : failed(asking, status, fault.text, "look whether kmsmond runs");
}

/* {"error":...,"hint":...} */
static bool is_error(struct asking *asking, const char *line, size_t len, enum kms_agent_end *ret)
{
    struct kms_buf error, hint;
    bool found;

    kms_buf_init(&error, sizeof(asking->agent->why));
    kms_buf_init(&hint, sizeof(asking->agent->next));
    found = kms_flat_text(line, len, "error", &error) == KMS_OK;
    if (found) {
        (void)kms_flat_text(line, len, "hint", &hint);
        *ret = cannot(asking->agent, kms_buf_str(&error), kms_buf_str(&hint));
    }
    kms_buf_done(&error);
    kms_buf_done(&hint);
    return found;
}

static enum kms_agent_end not_understood(struct kms_agent *agent)
{
    return cannot(agent, "the answer of kmsmond cannot be read",
                  "let kmsmond and the plugins be of the same release");
}

/* A daemon of an earlier release tells none. */
static void take_policy(struct kms_agent *agent, const char *line, size_t len)
{
    for (const struct kms_opt *row = kms_policy_opts(); !kms_opt_is_end(row); row++) {
        int64_t number = 0;
        agent->policy_told[kms_policy_place(row)] = kms_flat_number(line, len, row->key, &number) ==
                                                        KMS_OK &&
                                                    kms_policy_set(&agent->policy, row, number);
    }
}

static enum kms_agent_end take_line(struct asking *asking, const char *line, size_t len)
{
    struct kms_agent *agent = asking->agent;
    enum kms_agent_end end = KMS_AGENT_TOLD;
    enum kms_status status;
    bool ok = false;

    if (is_error(asking, line, len, &end)) {
        return end;
    }
    if (kms_flat_flag(line, len, "ok", &ok) == KMS_OK) {
        bool whole = kms_flat_number(line, len, "now", &agent->now.wall_s) == KMS_OK &&
                     kms_flat_number(line, len, "steady", &agent->now.steady_s) == KMS_OK &&
                     kms_flat_number(line, len, "interval", &agent->interval_s) == KMS_OK;
        (void)kms_flat_number(line, len, "back-off", &agent->back_off);
        (void)kms_flat_flag(line, len, "simulated", &agent->simulated);
        take_policy(agent, line, len);
        return ok && whole ? KMS_AGENT_TOLD : not_understood(agent);
    }
    status = kms_flat_text(line, len, "text", asking->text);
    if (status == KMS_ENOMEM) {
        return KMS_AGENT_NO_MEMORY;
    }
    return status == KMS_OK ? KMS_AGENT_TOLD : not_understood(agent);
}

static enum kms_agent_end read_answer(struct asking *asking)
{
    for (;;) {
        const char *line;
        size_t len;
        bool last = false;
        struct kms_fault fault = {.text = ""};
        enum kms_status status = kms_control_line(&asking->client, left_ms(asking), &line, &len,
                                                  &fault);
        if (status != KMS_OK) {
            return failed(asking, status, fault.text, "look into the log of kmsmond");
        }
        if (kms_flat_flag(line, len, "end", &last) == KMS_OK && last) {
            return KMS_AGENT_TOLD;
        }
        enum kms_agent_end end = take_line(asking, line, len);
        if (end != KMS_AGENT_TOLD) {
            return end;
        }
    }
}

static enum kms_agent_end read_windows(struct kms_agent *agent)
{
    const struct kms_recorded_host *host = agent->host;

    agent->window = calloc(host->window_count + 1, sizeof(*agent->window));
    if (agent->window == NULL) {
        return KMS_AGENT_NO_MEMORY;
    }
    for (size_t i = 0; i < host->window_count; i++) {
        const char *text = host->window[i].text;
        size_t used;
        enum kms_status status = kms_window_read(
            text, strlen(text), &agent->now, KMS_RECORDING_BOOT, &agent->window[i], &used, NULL);
        if (status != KMS_OK) {
            return status == KMS_ENOMEM ? KMS_AGENT_NO_MEMORY : not_understood(agent);
        }
    }
    return KMS_AGENT_TOLD;
}

static enum kms_agent_end read_recording(struct kms_agent *agent, const struct kms_buf *text)
{
    struct kms_fault fault = {.text = ""};
    enum kms_status status = kms_recording_read(kms_buf_str(text), text->len, false,
                                                &agent->recording, &fault);

    if (status == KMS_ENOMEM) {
        return KMS_AGENT_NO_MEMORY;
    }
    if (status != KMS_OK || agent->recording.host_count != 1) {
        return not_understood(agent);
    }
    agent->host = &agent->recording.host[0];
    return read_windows(agent);
}

static enum kms_agent_end converse(struct asking *asking, const char *command, const char *member,
                                   const char *name)
{
    enum kms_agent_end end = send_request(asking, command, member, name);

    return end == KMS_AGENT_TOLD ? read_answer(asking) : end;
}

static enum kms_agent_end ask(struct asking *asking, const char *socket, const char *command,
                              const char *member, const char *name, int64_t time_ms)
{
    struct kms_fault fault = {.text = ""};
    enum kms_agent_end end;
    enum kms_status status;

    *asking->agent = (struct kms_agent){.why = ""};
    asking->clock = kms_clock_system();
    asking->until_us = kms_clock_mono_us(&asking->clock) + time_ms * 1000;
    status = kms_control_connect(*socket ? socket : NULL, time_ms, &asking->client, &fault);
    if (status != KMS_OK) {
        return failed(asking, status, fault.text,
                      status == KMS_ENOTFOUND
                          ? "start kmsmond, or name its socket with --agent=SOCKET"
                          : "let the user of the plugin be in the group that the block control of "
                            "kmsmon.conf names");
    }
    end = converse(asking, command, member, name);
    kms_control_hang_up(&asking->client);
    return end;
}

enum kms_agent_end kms_agent_ask(struct kms_agent *agent, const char *socket, const char *host,
                                 int64_t time_ms)
{
    struct kms_buf text;
    struct asking asking = {.agent = agent, .text = &text};
    enum kms_agent_end end;

    kms_buf_init(&text, ANSWER_MAX);
    end = ask(&asking, socket, "facts", "host", host, time_ms);
    if (end == KMS_AGENT_TOLD) {
        end = read_recording(agent, &text);
    }
    kms_buf_done(&text);
    return end;
}

enum kms_agent_end kms_agent_ask_domain(struct kms_agent *agent, const char *socket,
                                        const char *domain, int64_t time_ms, struct kms_buf *text)
{
    struct asking asking = {.agent = agent, .text = text};

    return ask(&asking, socket, "lookup", "domain", domain, time_ms);
}

void kms_agent_done(struct kms_agent *agent)
{
    for (size_t i = 0; agent->window != NULL && i < agent->host->window_count; i++) {
        kms_window_done(&agent->window[i]);
    }
    free(agent->window);
    kms_recording_done(&agent->recording);
    agent->window = NULL;
    agent->host = NULL;
}

/* ---- results ---- */

static struct kms_result *last_of(struct kms_agent *agent, enum kms_source source)
{
    struct kms_recorded_host *host = &agent->recording.host[0];

    for (size_t i = host->told_count; i > 0; i--) {
        if (host->told[i - 1].result.source == source) {
            return &host->told[i - 1].result;
        }
    }
    return NULL;
}

static int64_t interval_s(const struct kms_agent *agent, enum kms_source source)
{
    int64_t own_ms = agent->host->target.source[source].interval_ms;

    return own_ms > 0 ? own_ms / 1000 : agent->interval_s;
}

bool kms_agent_overdue(int64_t age_s, int64_t interval_s)
{
    return age_s > POLLS_MISSED * interval_s + POLL_GRACE_S;
}

/* What failed is asked less often, on purpose: until then the failure is the last word. */
static int64_t rest_s(const struct kms_agent *agent, const struct kms_result *last, int64_t every_s)
{
    int64_t rest_s = agent->back_off > 1 ? (agent->back_off - 1) * every_s : 0;

    if (kms_outcome_good(last->outcome)) {
        return 0;
    }
    return last->source == KMS_SOURCE_WSMAN && rest_s < WSMAN_REST_S ? WSMAN_REST_S : rest_s;
}

static bool is_overdue(struct kms_agent *agent, const struct kms_result *last, const char *word)
{
    int64_t every_s = interval_s(agent, last->source);
    int64_t age_s = agent->now.wall_s - last->wall_s;
    char age[32], every[32];

    if (!kms_agent_overdue(age_s - rest_s(agent, last, every_s), every_s)) {
        return false;
    }
    kms_text_age(age, sizeof(age), age_s);
    kms_text_duration(every, sizeof(every), every_s * 1000);
    kms_text_format(agent->why, sizeof(agent->why),
                    "kmsmond asked source %s of %s %s ago, although it should every %s", word,
                    agent->host->target.name, age, every);
    kms_text_copy(agent->next, sizeof(agent->next),
                  "look at 'kmsmon status' and into the log of kmsmond");
    return true;
}

bool kms_agent_take(struct kms_agent *agent, enum kms_source source, struct kms_result *ret)
{
    const char *word = kms_word_label(kms_words_source(), (int)source);
    const char *name = agent->host->target.name;
    struct kms_result *last = last_of(agent, source);

    if (!agent->host->target.source[source].enabled) {
        kms_text_format(agent->why, sizeof(agent->why), "kmsmond does not ask source %s of %s",
                        word, name);
        kms_text_format(agent->next, sizeof(agent->next),
                        "add a block %s to the host in the configuration of kmsmond", word);
        return false;
    }
    if (!last) {
        kms_text_format(agent->why, sizeof(agent->why), "kmsmond has not asked source %s of %s yet",
                        word, name);
        kms_text_format(agent->next, sizeof(agent->next),
                        "wait for its first poll, or 'kmsmon probe-now %s'", name);
        return false;
    }
    if (is_overdue(agent, last, word)) {
        return false;
    }
    *ret = *last;
    kms_result_init(last, source);
    return true;
}

int64_t kms_agent_max_age_ms(const struct kms_agent *agent, enum kms_source source)
{
    return agent->host->target.source[source].max_age_ms;
}

void kms_agent_policy(const struct kms_agent *agent, const bool *given, struct kms_policy *policy)
{
    for (const struct kms_opt *row = kms_policy_opts(); !kms_opt_is_end(row); row++) {
        size_t place = kms_policy_place(row);
        if (agent->policy_told[place] && (given == NULL || !given[place])) {
            (void)kms_policy_set(policy, row, kms_policy_get(&agent->policy, row));
        }
    }
}

void kms_agent_age(const struct kms_agent *agent, const struct kms_result *result, char *dst,
                   size_t size)
{
    int64_t age_s = agent->now.wall_s - result->wall_s;
    char age[32];

    kms_text_age(age, sizeof(age), age_s > 0 ? age_s : 0);
    kms_text_format(dst, size, "polled by kmsmond %s ago%s", age,
                    agent->simulated ? ", in a simulation: nothing of this is true" : "");
}

const struct kms_window *kms_agent_window(void *arg, const char *identity)
{
    const struct kms_agent *agent = arg;

    for (size_t i = 0; i < agent->host->window_count; i++) {
        if (kms_text_equal(agent->host->window[i].identity, identity)) {
            return agent->window[i].count > 0 ? &agent->window[i] : NULL;
        }
    }
    return NULL;
}
