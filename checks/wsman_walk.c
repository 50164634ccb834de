/* Asks a little more at every stage, and keeps what each of them showed. */
#include "wsman_walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"
#include "net/http_session.h"
#include "net/resolve.h"
#include "wsman/certificate.h"
#include "wsman/facts.h"
#include "wsman/talk.h"
#include "wsman/url.h"

enum {
    BODY_MAX = 64 * 1024,
    SKEW_MAX_S = 300, /* clockskew of Kerberos, as MIT and Windows preset it */
    EXPIRY_SOON_S = 30 * 86400,
    DAY_S = 86400
};

struct walker {
    struct kms_env *env;
    const struct kms_target *target;
    const struct kms_source_config *wsman;
    struct kms_wsman_url url;
    struct kms_walk *walk;
    struct kms_talk *talk;
    struct kms_wsman_facts facts;
    enum kms_wsman_query query;
    int64_t deadline_us;
    /* Of the step under way. */
    bool resolved;
    struct kms_http_reply reply;
    char offers[200];
    struct kms_talk_end end;
    char product[200];
    char version[64], state[64], start_mode[64];
    bool no_memory;
};

const char *kms_walk_word(enum kms_walk_stage stage)
{
    static const char *const words[KMS_WALK_STAGES] = {"DNS",
                                                       "TCP",
                                                       "TLS",
                                                       "HTTP",
                                                       "authentication",
                                                       "authorisation",
                                                       "namespace",
                                                       "service-manager",
                                                       "provider"};
    return words[stage];
}

bool kms_walk_good(const struct kms_walk *walk)
{
    for (size_t i = 0; i < KMS_WALK_STAGES; i++) {
        bool skipped = i == KMS_WALK_TLS && walk->circumstances & KMS_WALK_PLAIN;
        if (walk->stage[i].state != KMS_WALK_OK && !skipped) {
            return false;
        }
    }
    return true;
}

/* ---- what a stage shows ---- */

static void show(struct walker *walker, enum kms_walk_stage stage, const char *name,
                 const char *value)
{
    struct kms_walk_result *result = &walker->walk->stage[stage];
    if (result->figure_count == KMS_WALK_FIGURES_MAX || value[0] == '\0') {
        return;
    }
    struct kms_walk_figure *figure = &result->figure[result->figure_count++];
    figure->name = name;
    kms_text_clean(figure->value, sizeof figure->value, value, strlen(value));
}

static void good(struct walker *walker, enum kms_walk_stage stage)
{
    struct kms_walk_result *result = &walker->walk->stage[stage];
    if (result->state == KMS_WALK_NOT_TRIED) {
        result->state = KMS_WALK_OK;
    }
}

/* Always false, so that a failing step can end in one line. */
static bool bad(struct walker *walker, enum kms_walk_stage stage, enum kms_outcome outcome,
                const char *detail)
{
    struct kms_walk_result *result = &walker->walk->stage[stage];
    result->state = KMS_WALK_FAILED;
    result->outcome = outcome;
    result->meaning = kms_outcome_row(outcome)->meaning;
    kms_text_copy(result->detail, sizeof result->detail, detail);
    walker->no_memory = walker->no_memory || outcome == KMS_OUTCOME_NO_MEMORY;
    return false;
}

static int64_t left_ms(const struct walker *walker)
{
    int64_t left = (walker->deadline_us - kms_clock_mono_us(&walker->env->clock)) / 1000;
    return left > 1 ? left : 1;
}

static void stop(struct walker *walker)
{
    kms_loop_stop(walker->env->loop);
}

/* ---- DNS ---- */

static void resolved(void *arg, const struct kms_resolved *resolved)
{
    struct walker *walker = arg;
    char text[320] = "";
    for (size_t i = 0; i < resolved->count; i++) {
        char one[KMS_ADDRESS_TEXT];
        kms_address_text(&resolved->address[i], one, sizeof one);
        kms_text_append(text, sizeof text, "%s%s", i > 0 ? ", " : "", one);
    }
    walker->resolved = resolved->outcome == KMS_OUTCOME_OK;
    if (walker->resolved) {
        show(walker, KMS_WALK_DNS, "addresses", text);
        good(walker, KMS_WALK_DNS);
    } else {
        (void)bad(walker, KMS_WALK_DNS, resolved->outcome, walker->url.host);
    }
    stop(walker);
}

static bool resolve(struct walker *walker)
{
    if (!kms_resolve_start(walker->env->resolver, walker->url.host, left_ms(walker), resolved,
                           walker)) {
        walker->no_memory = true;
        return false;
    }
    kms_loop_run(walker->env->loop);
    return walker->resolved;
}

/* ---- TCP, TLS, and what the listener offers ---- */

static void contacted(void *arg, const struct kms_http_reply *reply)
{
    struct walker *walker = arg;
    walker->offers[0] = '\0';
    for (size_t i = 0; i < reply->challenge_count; i++) {
        char word[40];
        const char *challenge = reply->challenge[i];
        kms_text_clean(word, sizeof word, challenge, strcspn(challenge, " "));
        kms_text_append(walker->offers, sizeof walker->offers, "%s%s", i > 0 ? ", " : "", word);
    }
    walker->reply = *reply;
    walker->reply.challenge_count = 0; /* they are the session's */
    stop(walker);
}

/* One POST without a body, by which nobody is anybody. */
static bool contact(struct walker *walker, struct kms_http_session *session)
{
    const struct kms_http_post post = {
        .size_max = BODY_MAX, .timeout_ms = left_ms(walker), .done = contacted, .arg = walker};
    if (!session || kms_http_post(session, &post) != KMS_OK) {
        walker->no_memory = true;
        return false;
    }
    kms_loop_run(walker->env->loop);
    return true;
}

static void show_until(struct walker *walker, const struct kms_certificate *certificate)
{
    char date[40];
    char text[100];
    int64_t left = certificate->until_s - kms_clock_wall_s(&walker->env->clock);
    kms_date_text(date, sizeof date, certificate->until_s);
    if (left < 0) {
        kms_text_format(text, sizeof text, "%s: it has expired", date);
    } else {
        kms_text_format(text, sizeof text, "%s%s, %" PRId64 " days left", date,
                        left < EXPIRY_SOON_S ? ": SOON" : "", left / DAY_S);
    }
    show(walker, KMS_WALK_TLS, "valid until", text);
}

static void show_certificate(struct walker *walker, const struct kms_http_session *session)
{
    const uint8_t *der = NULL;
    size_t len = 0;
    struct kms_certificate certificate;
    struct kms_fault fault = {.text = ""};
    if (!kms_http_session_certificate(session, &der, &len)) {
        return;
    }
    if (kms_certificate_read(der, len, &certificate, &fault) != KMS_OK) {
        show(walker, KMS_WALK_TLS, "certificate", fault.text);
        return;
    }
    show(walker, KMS_WALK_TLS, "subject", certificate.subject);
    show(walker, KMS_WALK_TLS, "names", certificate.names);
    show(walker, KMS_WALK_TLS, "issuer", certificate.issuer);
    show_until(walker, &certificate);
    show(walker, KMS_WALK_TLS, "pin", certificate.pin);
}

/* The certificate of a listener that is not believed: with a pin that nothing has, so that it is
 * shown and nothing is ever said to it. */
static bool peek(struct walker *walker)
{
    static const char nothing[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    const struct kms_http_server server = {
        .url = walker->url.url, .address = walker->url.address, .pin = nothing, .shown = true};
    struct kms_http_session *session = kms_http_session_new(walker->env->http, &server);
    bool asked = contact(walker, session);
    if (asked) {
        show_certificate(walker, session);
    }
    kms_http_session_free(session);
    return asked;
}

static bool judge_contact(struct walker *walker)
{
    const struct kms_http_reply reply = walker->reply;
    char port[40];
    kms_text_format(port, sizeof port, "%" PRId64, walker->walk->port);
    show(walker, KMS_WALK_TCP, "port", port);
    if (!reply.connected) {
        bool late = reply.outcome == KMS_OUTCOME_TIMEOUT;
        return bad(walker, reply.outcome == KMS_OUTCOME_HTTP_RESOLVE ? KMS_WALK_DNS : KMS_WALK_TCP,
                   late ? KMS_OUTCOME_WSMAN_TIMEOUT : KMS_OUTCOME_WSMAN_CONNECT, reply.detail);
    }
    good(walker, KMS_WALK_TCP);
    if (walker->url.tls && !reply.secured) {
        enum kms_outcome outcome = reply.outcome == KMS_OUTCOME_HTTP_PIN ? KMS_OUTCOME_WSMAN_PIN
                                   : reply.outcome == KMS_OUTCOME_TIMEOUT
                                       ? KMS_OUTCOME_WSMAN_TIMEOUT
                                       : KMS_OUTCOME_WSMAN_TLS;
        return bad(walker, KMS_WALK_TLS, outcome, reply.detail);
    }
    if (walker->url.tls) {
        good(walker, KMS_WALK_TLS);
    }
    return true;
}

static bool reach(struct walker *walker)
{
    const struct kms_credentials *who = walker->wsman->credentials;
    bool certificate = who->auth == KMS_AUTH_CERTIFICATE;
    const struct kms_http_server server = {
        .url = walker->url.url,
        .address = walker->url.address,
        .ca_file = walker->wsman->ca_file,
        .pin = walker->wsman->pin,
        .certificate = certificate ? who->certificate : NULL,
        .key = certificate ? who->key : NULL,
        .shown = true,
    };
    struct kms_http_session *session = kms_http_session_new(walker->env->http, &server);
    bool reached = contact(walker, session) && judge_contact(walker);
    bool shown = reached || walker->walk->stage[KMS_WALK_TLS].state == KMS_WALK_NOT_TRIED;
    if (reached) {
        show_certificate(walker, session);
    }
    kms_http_session_free(session);
    if (!shown) {
        (void)peek(walker);
    }
    return reached;
}

/* ---- HTTP ---- */

static void keep_end(struct walker *walker, const struct kms_talk_end *end)
{
    walker->end = *end;
    walker->end.reply = NULL;
    walker->product[0] = '\0';
    if (end->reply) {
        kms_text_append(walker->product, sizeof walker->product, "%s, %s",
                        end->reply->product_vendor, end->reply->product_version);
    }
    stop(walker);
}

static void talked(void *arg, const struct kms_talk_end *end)
{
    keep_end(arg, end);
}

static void show_clock(struct walker *walker, int64_t host_s)
{
    char text[100];
    int64_t skew = host_s - kms_clock_wall_s(&walker->env->clock);
    if (host_s == 0) {
        return;
    }
    bool wrong = skew > SKEW_MAX_S || skew < -SKEW_MAX_S;
    walker->walk->circumstances |= wrong ? KMS_WALK_CLOCK : 0;
    kms_text_format(text, sizeof text, "%+" PRId64 " s against ours%s", skew,
                    wrong ? ": more than Kerberos allows" : "");
    show(walker, KMS_WALK_HTTP, "clock", text);
}

/* Hosts tell strangers what they are, and not which version. One that does not may be WinRM all the
 * same. */
static bool identify(struct walker *walker)
{
    if (kms_talk_identify(walker->talk, left_ms(walker), talked, walker) != KMS_OK) {
        walker->no_memory = true;
        return false;
    }
    kms_loop_run(walker->env->loop);
    const struct kms_talk_end *end = &walker->end;
    show(walker, KMS_WALK_HTTP, "offers", walker->offers);
    show_clock(walker, end->date_s != 0 ? end->date_s : walker->reply.date_s);
    if (end->outcome != KMS_OUTCOME_OK && end->stage <= KMS_TALK_HTTP) {
        return bad(walker, KMS_WALK_HTTP, end->outcome, end->detail);
    }
    show(walker, KMS_WALK_HTTP, "product",
         end->outcome == KMS_OUTCOME_OK ? walker->product : "it does not say so to strangers");
    good(walker, KMS_WALK_HTTP);
    return true;
}

/* ---- queries ---- */

static enum kms_status take_row(void *arg, struct kms_wsman_row *row)
{
    struct walker *walker = arg;
    static const struct {
        const char *column;
        size_t offset;
    } kept[] = {{"Version", offsetof(struct walker, version)},
                {"State", offsetof(struct walker, state)},
                {"StartMode", offsetof(struct walker, start_mode)}};
    bool shown = walker->query == KMS_WSMAN_Q_SYSTEM || walker->query == KMS_WSMAN_Q_SERVICE_STATE;
    for (size_t i = 0; shown && i < KMS_COUNT_OF(kept); i++) {
        const char *text = kms_wsman_row_text(row, kept[i].column);
        if (text) {
            kms_text_clean((char *)walker + kept[i].offset, sizeof walker->version, text,
                           strlen(text));
        }
    }
    return kms_wsman_take(&walker->facts, walker->query, row,
                          kms_clock_wall_s(&walker->env->clock));
}

static void forget_rows(void *arg)
{
    struct kms_wsman_facts *facts = &((struct walker *)arg)->facts;
    for (size_t i = 0; i < facts->key_count; i++) {
        kms_facts_done(&facts->key[i]);
    }
    facts->key_count = 0;
    facts->products = 0;
}

/* A column that this version does not know is asked for again without it. */
static bool query(struct walker *walker, enum kms_wsman_query which)
{
    walker->query = which;
    bool licensing = which == KMS_WSMAN_Q_SERVICE || which == KMS_WSMAN_Q_PRODUCT;
    for (;;) {
        const struct kms_talk_query asked = {.wql = kms_wsman_query(which, walker->facts.tier),
                                             .timeout_ms = left_ms(walker),
                                             .row = take_row,
                                             .restart = forget_rows,
                                             .done = talked,
                                             .arg = walker};
        if (kms_talk_enumerate(walker->talk, &asked) != KMS_OK) {
            walker->no_memory = true;
            return false;
        }
        kms_loop_run(walker->env->loop);
        bool older = walker->end.reaction == KMS_WSMAN_TRY_OLDER && licensing &&
                     walker->end.outcome != KMS_OUTCOME_OK &&
                     walker->facts.tier != KMS_WSMAN_TIER_60;
        if (!older) {
            return true;
        }
        walker->facts.tier = (enum kms_wsman_tier)(walker->facts.tier - 1);
    }
}

static enum kms_walk_stage stage_of(const struct walker *walker, enum kms_walk_stage operating)
{
    static const enum kms_walk_stage stages[] = {
        [KMS_TALK_ADDRESS] = KMS_WALK_DNS,
        [KMS_TALK_CONNECT] = KMS_WALK_TCP,
        [KMS_TALK_TLS] = KMS_WALK_TLS,
        [KMS_TALK_HTTP] = KMS_WALK_HTTP,
        [KMS_TALK_AUTHENTICATE] = KMS_WALK_AUTHENTICATION,
        [KMS_TALK_AUTHORIZE] = KMS_WALK_AUTHORISATION,
    };
    enum kms_walk_stage stage = walker->end.stage == KMS_TALK_OPERATE ? operating
                                                                      : stages[walker->end.stage];
    if (stage < operating && walker->walk->stage[stage].state == KMS_WALK_OK) {
        /* It went well a moment ago: now it is this query's, or the login's. */
        bool known = walker->walk->stage[KMS_WALK_AUTHENTICATION].state == KMS_WALK_OK;
        return known ? operating : KMS_WALK_AUTHENTICATION;
    }
    return stage;
}

static bool fail_query(struct walker *walker, enum kms_walk_stage operating)
{
    return bad(walker, stage_of(walker, operating), walker->end.outcome, walker->end.detail);
}

static void show_login(struct walker *walker)
{
    const struct kms_credentials *who = walker->wsman->credentials;
    good(walker, KMS_WALK_AUTHENTICATION);
    show(walker, KMS_WALK_AUTHENTICATION, "method", walker->end.mechanism);
    show(walker, KMS_WALK_AUTHENTICATION, "user",
         who->user ? who->user : "as the credentials' files say");
}

/* The first query is who we are, whether WinRM lets us in, and the namespace. */
static bool enter(struct walker *walker)
{
    if (!query(walker, KMS_WSMAN_Q_SYSTEM)) {
        return false;
    }
    bool ok = walker->end.outcome == KMS_OUTCOME_OK;
    if (ok || walker->end.stage > KMS_TALK_AUTHENTICATE) {
        show_login(walker);
    }
    if (ok || walker->end.stage > KMS_TALK_AUTHORIZE) {
        good(walker, KMS_WALK_AUTHORISATION);
    }
    if (!ok) {
        return fail_query(walker, KMS_WALK_NAMESPACE);
    }
    good(walker, KMS_WALK_NAMESPACE);
    show(walker, KMS_WALK_NAMESPACE, "windows", walker->version);
    return true;
}

static bool look_at_service(struct walker *walker)
{
    char text[200];
    if (!query(walker, KMS_WSMAN_Q_SERVICE_STATE)) {
        return false;
    }
    const char *name = kms_wsman_service_name(walker->facts.tier);
    struct kms_walk_result *result = &walker->walk->stage[KMS_WALK_SERVICES];
    if (walker->end.outcome == KMS_OUTCOME_OK && walker->end.rows > 0) {
        good(walker, KMS_WALK_SERVICES);
        kms_text_format(text, sizeof text, "%s: %s, starts %s", name, walker->state,
                        walker->start_mode);
        show(walker, KMS_WALK_SERVICES, "service", text);
        return true;
    }
    (void)bad(walker, KMS_WALK_SERVICES,
              walker->end.outcome == KMS_OUTCOME_OK ? KMS_OUTCOME_WSMAN_NAMESPACE
                                                    : walker->end.outcome,
              walker->end.detail);
    result->meaning =
        walker->end.fault_known || walker->end.outcome == KMS_OUTCOME_OK
            ? "The service's state may not be read; the monitor knows everything else without it."
            : result->meaning;
    /* Only a refusal leaves the conversation whole. */
    return walker->end.fault_known || walker->end.outcome == KMS_OUTCOME_OK;
}

static bool look_at_licensing(struct walker *walker)
{
    char text[80];
    if (!query(walker, KMS_WSMAN_Q_SERVICE)) {
        return false;
    }
    if (walker->end.outcome != KMS_OUTCOME_OK) {
        return fail_query(walker, KMS_WALK_PROVIDER);
    }
    if (!query(walker, KMS_WSMAN_Q_PRODUCT)) {
        return false;
    }
    if (walker->end.outcome != KMS_OUTCOME_OK) {
        return fail_query(walker, KMS_WALK_PROVIDER);
    }
    kms_text_format(text, sizeof text, "%zu", walker->facts.products);
    show(walker, KMS_WALK_PROVIDER, "products with a key", text);
    kms_text_format(text, sizeof text, "%zu", walker->facts.key_count);
    show(walker, KMS_WALK_PROVIDER, "host keys", text);
    enum kms_outcome outcome = kms_wsman_settle(&walker->facts);
    if (outcome != KMS_OUTCOME_OK) {
        return bad(walker, KMS_WALK_PROVIDER, outcome, "");
    }
    good(walker, KMS_WALK_PROVIDER);
    return true;
}

/* ---- the walk ---- */

static unsigned circumstances_of(const struct walker *walker)
{
    static const unsigned methods[] = {
        [KMS_AUTH_NEGOTIATE] = KMS_WALK_KERBEROS | KMS_WALK_NTLM,
        [KMS_AUTH_KERBEROS] = KMS_WALK_KERBEROS,
        [KMS_AUTH_NTLM] = KMS_WALK_NTLM,
        [KMS_AUTH_BASIC] = KMS_WALK_BASIC,
        [KMS_AUTH_CERTIFICATE] = KMS_WALK_CERTIFICATE,
    };
    const struct kms_credentials *who = walker->wsman->credentials;
    struct kms_address address;
    bool by_address = kms_address_parse(walker->url.host, 1, &address);
    return methods[who->auth] | (walker->url.tls ? KMS_WALK_TLS_USED : KMS_WALK_PLAIN) |
           (by_address ? KMS_WALK_BY_ADDRESS : 0) |
           (who->user && !strpbrk(who->user, "\\@") ? KMS_WALK_LOCAL_USER : 0) |
           (walker->wsman->pin ? KMS_WALK_PINNED : 0);
}

/* The url is complete: the port stands between the last colon and the path. */
static int64_t port_of(const struct kms_wsman_url *url)
{
    const char *at = strstr(url->url, "//");
    const char *path = at ? strchr(at + 2, '/') : NULL;
    uint64_t port = 0;
    for (const char *digit = path; digit && digit > at; digit--) {
        if (*digit == ':') {
            return kms_text_u64_len(digit + 1, (size_t)(path - digit) - 1, &port) ? (int64_t)port
                                                                                  : 0;
        }
    }
    return 0;
}

static void walk_on(struct walker *walker)
{
    bool there = resolve(walker) && reach(walker) && identify(walker) && enter(walker);
    if (there && look_at_service(walker)) {
        (void)look_at_licensing(walker);
    }
}

enum kms_status kms_walk_run(struct kms_env *env, const struct kms_target *target,
                             struct kms_walk *ret)
{
    const struct kms_source_config *wsman = &target->source[KMS_SOURCE_WSMAN];
    struct walker walker = {.env = env, .target = target, .wsman = wsman, .walk = ret};
    *ret = (struct kms_walk){.port = 0};
    walker.facts.tier = KMS_WSMAN_TIER_63;
    walker.deadline_us = kms_clock_mono_us(&env->clock) + wsman->timeout_ms * 1000;
    enum kms_status status = kms_wsman_url_make(wsman->url, kms_target_dns_name(target),
                                                kms_target_address(target), &walker.url, NULL);
    walker.talk = status == KMS_OK ? kms_talk_new(env, target, NULL) : NULL;
    if (walker.talk) {
        ret->port = port_of(&walker.url);
        ret->circumstances = circumstances_of(&walker);
        kms_text_copy(ret->host, sizeof ret->host, walker.url.host);
        walk_on(&walker);
    }
    status = status == KMS_OK && (!walker.talk || walker.no_memory) ? KMS_ENOMEM : status;
    kms_talk_free(walker.talk);
    kms_wsman_facts_done(&walker.facts);
    kms_wsman_url_done(&walker.url);
    return status;
}
