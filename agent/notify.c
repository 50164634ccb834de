/* Notifications of KMSMON-MIB through the master agent: handed over one by one, and confirmed by
 * it. */
#include "agent/notify.h"

#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "agent/notify_objects.h"

/* RFC 2741 sections 6.1 and 6.2.16; Net-SNMP keeps its names for them to itself. */
#define AGENTX_NOTIFY   12
#define AGENTX_RESPONSE 18
#define ERROR_NOT_OPEN  257

/* A master that answers pings has answered what came before them, so this is for none. */
#define ANSWER_WAIT_S 60
#define AGAIN_MS      1000 /* after a notification that could not be sent */

/* Between two of them. What waited for a master would else come at the receiver at once, and more
 * than its socket holds: traps are lost there without a word. */
#define PACE_US INT64_C(10000)

struct notice {
    struct notice *next;
    uint64_t number;
    uint32_t alarm;
    uint32_t trap; /* below kmsmonNotifications */
    size_t count;
    struct kms_notify_varbind varbind[];
};

enum answer { NOT_ASKED, ASKED, TAKEN, REFUSED };

struct kms_notify {
    struct kms_notify_config config;
    struct kms_timer *pump;
    struct notice *first, **last;
    size_t waiting;
    enum answer answer;       /* to the first one */
    int request;              /* Net-SNMP's number of the last one */
    long error;               /* with which it was refused */
    int64_t next_us;          /* the next request goes no earlier */
    bool is_finishing;        /* nothing goes to the master any more */
    void (*quiet)(void *arg); /* NULL: nobody waits */
    void *quiet_arg;
};

/* A request of Net-SNMP cannot be taken back, and its answer may come after the end: so it is known
 * by number. */
static struct kms_notify *current;

/* From within Net-SNMP: what follows from it is done on the loop. */
static int on_response(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu,
                       void *arg)
{
    (void)session;
    (void)arg;
    struct kms_notify *notify = current;
    if (notify == NULL || notify->answer != ASKED || request != notify->request) {
        return 1;
    }
    bool answered = operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu != NULL &&
                    pdu->command == AGENTX_RESPONSE;
    if (!answered || pdu->errstat == ERROR_NOT_OPEN) {
        notify->answer = NOT_ASKED;
        kms_timer_set_real(notify->pump, notify->is_finishing ? 0 : AGAIN_MS);
        return 1;
    }
    notify->error = pdu->errstat;
    notify->answer = pdu->errstat == SNMP_ERR_NOERROR ? TAKEN : REFUSED;
    kms_timer_set(notify->pump, 0);
    return 1;
}

/* A session that ended took its requests with it. */
static void on_session(void *arg)
{
    struct kms_notify *notify = arg;
    if (notify->answer == ASKED) {
        notify->answer = NOT_ASKED;
    }
    kms_timer_set(notify->pump, 0);
}

static bool add_trap_oid(netsnmp_pdu *pdu, uint32_t trap)
{
    static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}; /* snmpTrapOID.0 */
    oid value[KMS_MIB_NAME_MAX];
    size_t len;
    const oid *root = kms_mib_root(&len);
    memcpy(value, root, len * sizeof *value);
    value[len++] = 0; /* kmsmonNotifications */
    value[len++] = trap;
    return snmp_pdu_add_variable(pdu, trap_oid, KMS_COUNT_OF(trap_oid), ASN_OBJECT_ID, value,
                                 len * sizeof *value) != NULL;
}

static bool add_varbind(netsnmp_pdu *pdu, const struct kms_notify_varbind *varbind)
{
    netsnmp_variable_list *var = snmp_pdu_add_variable(pdu, varbind->name, varbind->name_len,
                                                       ASN_NULL, NULL, 0);
    return var != NULL && kms_mib_put(var, varbind->type, &varbind->value);
}

/* sysUpTime.0 is left to the master, which puts its own before the rest: managers know no other. */
static netsnmp_pdu *pdu_of(const struct notice *notice, const netsnmp_session *session)
{
    netsnmp_pdu *pdu = snmp_pdu_create(AGENTX_NOTIFY);
    if (pdu == NULL) {
        return NULL;
    }
    pdu->version = session->version;
    pdu->sessid = session->sessid;
    pdu->flags |= UCD_MSG_FLAG_PDU_TIMEOUT;
    pdu->time = ANSWER_WAIT_S;
    bool complete = add_trap_oid(pdu, notice->trap);
    for (size_t i = 0; i < notice->count && complete; i++) {
        complete = add_varbind(pdu, &notice->varbind[i]);
    }
    if (!complete) {
        snmp_free_pdu(pdu);
        return NULL;
    }
    return pdu;
}

static int64_t now_us(const struct kms_notify *notify)
{
    return kms_clock_mono_us(kms_loop_clock(notify->config.loop));
}

static bool ask(struct kms_notify *notify, netsnmp_session *session)
{
    netsnmp_pdu *pdu = pdu_of(notify->first, session);
    if (pdu == NULL) {
        return false;
    }
    notify->next_us = now_us(notify) + PACE_US * kms_loop_speed(notify->config.loop);
    notify->request = snmp_async_send(session, pdu, on_response, NULL);
    if (notify->request != 0) {
        notify->answer = ASKED;
        kms_log_write(notify->config.log, KMS_LOG_DEBUG,
                      "notify alarm %u: notification %u goes to the master agent",
                      notify->first->alarm, notify->first->trap);
        return true;
    }
    snmp_free_pdu(pdu);
    return false;
}

static struct notice *take_first(struct kms_notify *notify)
{
    struct notice *notice = notify->first;
    notify->first = notice->next;
    if (notify->first == NULL) {
        notify->last = &notify->first;
    }
    notify->waiting--;
    return notice;
}

static void tell(const struct kms_notify *notify, const struct notice *notice, bool taken)
{
    const struct kms_log *log = notify->config.log;
    if (taken) {
        kms_log_write(log, KMS_LOG_DEBUG, "notify alarm %u: the master agent took notification %u",
                      notice->alarm, notice->trap);
    } else if (!kms_agentx_alone(notify->config.agentx)) {
        kms_log_write(log, KMS_LOG_WARNING,
                      "notify alarm %u: the master agent refused notification %u with error %ld; "
                      "it is not sent again",
                      notice->alarm, notice->trap, notify->error);
    }
}

static void confirm_first(struct kms_notify *notify)
{
    bool taken = notify->answer == TAKEN;
    struct notice *notice = take_first(notify);
    notify->answer = NOT_ASKED;
    tell(notify, notice, taken);
    uint64_t number = notice->number;
    free(notice);
    notify->config.confirmed(notify->config.arg, number, taken);
}

/* Alone there is no master to answer, and nobody to be spared. */
static void refuse_all(struct kms_notify *notify)
{
    if (notify->first != NULL) {
        notify->answer = REFUSED;
        confirm_first(notify);
    }
    if (notify->first != NULL) {
        kms_timer_set(notify->pump, 0);
    }
}

static void say_quiet(struct kms_notify *notify)
{
    void (*quiet)(void *arg) = notify->quiet;
    if (notify->answer != ASKED && quiet != NULL) {
        notify->quiet = NULL;
        quiet(notify->quiet_arg);
    }
}

static void pump(void *arg)
{
    struct kms_notify *notify = arg;
    if (notify->answer == TAKEN || notify->answer == REFUSED) {
        confirm_first(notify);
    }
    if (notify->is_finishing) {
        say_quiet(notify);
        return;
    }
    if (kms_agentx_alone(notify->config.agentx)) {
        refuse_all(notify);
        return;
    }
    netsnmp_session *session = kms_agentx_session(notify->config.agentx);
    if (notify->first == NULL || notify->answer == ASKED || session == NULL) {
        return;
    }
    int64_t wait_us = notify->next_us - now_us(notify);
    if (wait_us > 0) {
        kms_timer_set(notify->pump, (wait_us + 999) / 1000);
    } else if (!ask(notify, session)) {
        kms_timer_set_real(notify->pump, AGAIN_MS);
    }
}

struct kms_notify *kms_notify_new(const struct kms_notify_config *config)
{
    struct kms_notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL) {
        return NULL;
    }
    notify->config = *config;
    notify->last = &notify->first;
    notify->pump = kms_timer_new(config->loop, pump, notify);
    if (notify->pump == NULL) {
        free(notify);
        return NULL;
    }
    kms_agentx_watch(config->agentx, on_session, notify);
    current = notify;
    return notify;
}

void kms_notify_free(struct kms_notify *notify)
{
    if (notify == NULL) {
        return;
    }
    current = NULL;
    kms_agentx_watch(notify->config.agentx, NULL, NULL);
    kms_timer_free(notify->pump);
    while (notify->first != NULL) {
        free(take_first(notify));
    }
    free(notify);
}

static struct notice *notice_of(struct kms_mib *mib, uint64_t number,
                                const struct kms_alarm_news *news)
{
    struct kms_notify_varbind varbind[KMS_NOTIFY_OBJECTS_MAX];
    size_t count = kms_notify_collect(mib, news, varbind);
    struct notice *notice = malloc(sizeof *notice + count * sizeof *varbind);
    if (notice == NULL) {
        return NULL;
    }
    *notice = (struct notice){.number = number,
                              .alarm = news->alarm.index,
                              .trap = kms_notify_number(news),
                              .count = count};
    memcpy(notice->varbind, varbind, count * sizeof *varbind);
    return notice;
}

enum kms_status kms_notify_send(struct kms_notify *notify, uint64_t notice,
                                const struct kms_alarm_news *news)
{
    if (!kms_notify_exists(news)) {
        return KMS_EINVAL;
    }
    if (notify->is_finishing || notify->waiting == KMS_NOTIFY_WAITING_MAX) {
        return KMS_EBUSY;
    }
    struct notice *made = notice_of(notify->config.mib, notice, news);
    if (made == NULL) {
        return KMS_ENOMEM;
    }
    *notify->last = made;
    notify->last = &made->next;
    notify->waiting++;
    if (notify->waiting == 1) {
        kms_timer_set(notify->pump, 0);
    }
    return KMS_OK;
}

void kms_notify_finish(struct kms_notify *notify, void (*quiet)(void *arg), void *arg)
{
    notify->is_finishing = true;
    notify->quiet = quiet;
    notify->quiet_arg = arg;
    kms_timer_set(notify->pump, 0);
}

bool kms_notify_ready(const struct kms_notify *notify)
{
    return kms_agentx_session(notify->config.agentx) != NULL;
}
