/* Which tables the master agent took from this subagent, and asking again for those it refused. */
#include "agent/agentx_tables.h"

#include <stdlib.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>

#include "agent/mib_table.h"

/* RFC 2741 sections 6.1 and 6.2.16; Net-SNMP keeps its names for them to itself. */
#define AGENTX_REGISTER        3
#define AGENTX_RESPONSE        18
#define DUPLICATE_REGISTRATION 263

/* A master that answers pings has answered what came before them, so this is for none. */
#define ANSWER_WAIT_US 60000000

struct kms_agentx_tables {
    struct kms_snmp_library *library;
    void (*changed)(void *arg);
    void *arg;
    struct kms_timer *news;
    netsnmp_session *session;            /* of the request */
    bool refused[KMS_MIB_TABLE_MAX + 1]; /* by number */
    size_t asked;                        /* number of the last one that was asked for again */
    int request;                         /* Net-SNMP's number of that; 0: none is on its way */
    bool goes_on;                        /* it was taken: so may be the others */
    bool told;                           /* that there was a refusal */
    long error;
};

/* A request of Net-SNMP cannot be taken back, and its answer may come after the end: so it is known
 * by number. */
static struct kms_agentx_tables *current;

static size_t count_refused(const struct kms_agentx_tables *tables)
{
    size_t count = 0;
    for (size_t i = 0; i < KMS_COUNT_OF(tables->refused); i++) {
        count += tables->refused[i];
    }
    return count;
}

/* From within Net-SNMP: what follows from it is done on the loop. */
static int on_response(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu,
                       void *arg)
{
    (void)session;
    (void)arg;
    struct kms_agentx_tables *tables = current;
    if (tables == NULL || tables->request == 0 || request != tables->request) {
        return 1;
    }
    tables->request = 0;
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || pdu == NULL ||
        pdu->command != AGENTX_RESPONSE) {
        return 1;
    }
    if (pdu->errstat == SNMP_ERR_NOERROR) {
        tables->refused[tables->asked] = false;
        tables->goes_on = true;
        kms_timer_set(tables->news, 0);
    } else {
        tables->error = pdu->errstat;
    }
    return 1;
}

static netsnmp_pdu *pdu_of(const struct kms_mib_table *table, const netsnmp_session *session)
{
    oid name[KMS_MIB_NAME_MAX];
    size_t len = kms_mib_table_name(table, name);
    netsnmp_pdu *pdu = snmp_pdu_create(AGENTX_REGISTER);
    if (pdu == NULL) {
        return NULL;
    }
    pdu->version = session->version;
    pdu->sessid = session->sessid;
    pdu->priority = DEFAULT_MIB_PRIORITY;
    pdu->time = 0; /* how long the master waits for answers from the table: as ever */
    if (snmp_add_null_var(pdu, name, len) == NULL) {
        snmp_free_pdu(pdu);
        return NULL;
    }
    return pdu;
}

/* The time of the PDU means something else here, so the session's is put aside. */
static void ask(struct kms_agentx_tables *tables, const struct kms_mib_table *table)
{
    netsnmp_session *session = tables->session;
    netsnmp_pdu *pdu = pdu_of(table, session);
    if (pdu == NULL) {
        return;
    }
    long timeout = session->timeout;
    session->timeout = ANSWER_WAIT_US;
    tables->asked = table->number;
    tables->request = snmp_async_send(session, pdu, on_response, NULL);
    session->timeout = timeout;
    if (tables->request == 0) {
        snmp_free_pdu(pdu);
    }
}

/* Each in its turn: one that somebody keeps for ever must not stand before the others. */
static void ask_next(struct kms_agentx_tables *tables)
{
    size_t count;
    const struct kms_mib_table *const *table = kms_mib_tables(&count);
    const struct kms_mib_table *first = NULL, *next = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!tables->refused[table[i]->number]) {
            continue;
        }
        first = first == NULL ? table[i] : first;
        if (next == NULL && table[i]->number > tables->asked) {
            next = table[i];
        }
    }
    if (first != NULL && tables->request == 0) {
        ask(tables, next != NULL ? next : first);
    }
}

static void tell(void *arg)
{
    struct kms_agentx_tables *tables = arg;
    bool is_refused = count_refused(tables) > 0;
    if (tables->goes_on && tables->session != NULL) {
        tables->goes_on = false;
        ask_next(tables);
    }
    if (is_refused != tables->told) {
        tables->told = is_refused;
        tables->changed(tables->arg);
    }
}

/* Net-SNMP has just asked for a table, waited for the answer, and told nobody but the log. */
static int on_register(int major, int minor, void *parameters, void *arg)
{
    (void)major;
    (void)minor;
    struct kms_agentx_tables *tables = arg;
    const struct register_parameters *asked = parameters;
    long error = kms_snmp_library_take_refusal(tables->library);
    if (error == 0) {
        return SNMPERR_SUCCESS;
    }
    size_t count;
    const struct kms_mib_table *const *table = kms_mib_tables(&count);
    for (size_t i = 0; i < count; i++) {
        oid name[KMS_MIB_NAME_MAX];
        size_t len = kms_mib_table_name(table[i], name);
        if (snmp_oid_compare(name, len, asked->name, asked->namelen) == 0) {
            tables->refused[table[i]->number] = true;
            tables->error = error;
            kms_timer_set(tables->news, 0);
        }
    }
    return SNMPERR_SUCCESS;
}

struct kms_agentx_tables *kms_agentx_tables_new(struct kms_loop *loop,
                                                struct kms_snmp_library *library,
                                                void (*changed)(void *arg), void *arg)
{
    struct kms_agentx_tables *tables = calloc(1, sizeof *tables);
    if (tables == NULL) {
        return NULL;
    }
    tables->library = library;
    tables->changed = changed;
    tables->arg = arg;
    tables->news = kms_timer_new(loop, tell, tables);
    /* Behind Net-SNMP's own, which is what asks. */
    if (tables->news == NULL ||
        netsnmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_REGISTER_OID,
                                  on_register, tables,
                                  NETSNMP_CALLBACK_LOWEST_PRIORITY) != SNMPERR_SUCCESS) {
        kms_timer_free(tables->news);
        free(tables);
        return NULL;
    }
    current = tables;
    return tables;
}

void kms_agentx_tables_free(struct kms_agentx_tables *tables)
{
    if (tables == NULL) {
        return;
    }
    current = NULL;
    (void)snmp_unregister_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_REGISTER_OID,
                                   on_register, tables, 1);
    kms_timer_free(tables->news);
    free(tables);
}

void kms_agentx_tables_begin(struct kms_agentx_tables *tables)
{
    (void)kms_snmp_library_take_refusal(tables->library);
    for (size_t i = 0; i < KMS_COUNT_OF(tables->refused); i++) {
        tables->refused[i] = false;
    }
    tables->session = NULL;
    tables->request = 0;
    tables->goes_on = false;
    tables->told = false;
}

void kms_agentx_tables_again(struct kms_agentx_tables *tables, netsnmp_session *session)
{
    tables->session = session;
    ask_next(tables);
}

struct kms_agentx_refusal kms_agentx_tables_refusal(const struct kms_agentx_tables *tables)
{
    struct kms_agentx_refusal refusal = {.tables = count_refused(tables),
                                         .error = tables->error,
                                         .other_has_it = tables->error == DUPLICATE_REGISTRATION};
    (void)kms_mib_tables(&refusal.of);
    return refusal;
}
