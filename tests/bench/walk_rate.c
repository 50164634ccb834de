/* How many varbinds a second a manager reads: columns of a table by GETBULK, one at a time, or all
 * in one PDU by GETNEXT, empty ones once or always. Usage: walk_rate
 * bulkREPETITIONS|columns|stubborn ADDRESS ENTRY FIRST LAST ROWS PER-COLUMN LEAST; prints varbinds
 * a second, varbinds a PDU, and how many varbinds were read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "base/clock.h"
#include "base/text.h"

#define COLUMNS_MAX 64

/* One column that is being read; it ends where the next one begins, or after its share. Short
 * tables are read by GETBULK as one piece, as snmpbulkwalk does: a PDU that reaches into the next
 * column is not in vain. */
struct column {
    oid number, last;
    oid at[MAX_OID_LEN];
    size_t at_len;
    uint64_t left;
};

struct bench {
    void *session;
    oid entry[MAX_OID_LEN];
    size_t entry_len;
    uint64_t repetitions; /* 0: GETNEXT of all columns at once */
    bool stubborn;        /* asks for columns without instances in every row again */
    uint64_t first, last, rows, per_column, least;
    uint64_t varbinds, pdus;
};

static void die(const char *text)
{
    (void)fprintf(stderr, "walk_rate: %s\n", text);
    exit(2);
}

static bool whole_at_once(const struct bench *bench)
{
    return bench->repetitions > 0 && bench->rows <= bench->per_column;
}

/* Of a table with more rows than are to be read: one column after the other from places that cover
 * the table together, all at once from the middle. */
static uint64_t first_row(const struct bench *bench, uint64_t number)
{
    if (bench->rows <= bench->per_column) {
        return 0;
    }
    uint64_t spare = bench->rows - bench->per_column;
    if (bench->repetitions == 0 || bench->first == bench->last) {
        return spare / 2;
    }
    return spare * (number - bench->first) / (bench->last - bench->first);
}

static void column_start(const struct bench *bench, uint64_t number, struct column *ret)
{
    uint64_t row = first_row(bench, number);
    ret->number = (oid)number;
    ret->last = (oid)(whole_at_once(bench) ? bench->last : number);
    memcpy(ret->at, bench->entry, bench->entry_len * sizeof *bench->entry);
    ret->at[bench->entry_len] = ret->number;
    ret->at_len = bench->entry_len + 1;
    ret->left = whole_at_once(bench) ? UINT64_MAX : bench->per_column;
    if (row > 0) {
        ret->at[ret->at_len++] = (oid)row;
    }
}

/* False: the column is read. */
static bool column_take(struct bench *bench, struct column *column,
                        const netsnmp_variable_list *var)
{
    if (var->type == SNMP_ENDOFMIBVIEW || var->name_length <= bench->entry_len ||
        memcmp(var->name, bench->entry, bench->entry_len * sizeof *bench->entry) != 0 ||
        var->name[bench->entry_len] < column->number ||
        var->name[bench->entry_len] > column->last) {
        return false;
    }
    bench->varbinds++;
    memcpy(column->at, var->name, var->name_length * sizeof *var->name);
    column->at_len = var->name_length;
    return --column->left > 0;
}

static netsnmp_pdu *ask(struct bench *bench, netsnmp_pdu *pdu)
{
    netsnmp_pdu *response = NULL;
    int status = pdu ? snmp_sess_synch_response(bench->session, pdu, &response) : STAT_ERROR;
    if (status != STAT_SUCCESS || response->errstat != SNMP_ERR_NOERROR) {
        die("no answer, or an error");
    }
    bench->pdus++;
    return response;
}

static void read_bulk(struct bench *bench, uint64_t number)
{
    struct column column;
    column_start(bench, number, &column);
    for (bool more = true; more;) {
        netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETBULK);
        if (pdu) {
            pdu->non_repeaters = 0;
            pdu->max_repetitions = (long)bench->repetitions;
            (void)snmp_add_null_var(pdu, column.at, column.at_len);
        }
        netsnmp_pdu *response = ask(bench, pdu);
        more = response->variables != NULL;
        for (const netsnmp_variable_list *var = response->variables; var && more;
             var = var->next_variable) {
            more = column_take(bench, &column, var);
        }
        snmp_free_pdu(response);
    }
}

/* An empty column is asked for behind the row where the first column is. */
static void follow_first(struct column *column, const struct column *first)
{
    memcpy(column->at, first->at, first->at_len * sizeof *first->at);
    column->at_len = first->at_len;
}

static void read_columns(struct bench *bench)
{
    struct column column[COLUMNS_MAX];
    size_t count = 0;
    for (uint64_t number = bench->first; number <= bench->last; number++) {
        column_start(bench, number, &column[count++]);
    }
    while (count > 0) {
        netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETNEXT);
        for (size_t i = 0; pdu && i < count; i++) {
            (void)snmp_add_null_var(pdu, column[i].at, column[i].at_len);
        }
        netsnmp_pdu *response = ask(bench, pdu);
        const netsnmp_variable_list *var = response->variables;
        size_t kept = 0;
        for (size_t i = 0; i < count && var; i++, var = var->next_variable) {
            bool more = column_take(bench, &column[i], var);
            if (!more && bench->stubborn && kept > 0) {
                follow_first(&column[i], &column[0]);
                column[i].at[bench->entry_len] = column[i].number;
                more = true;
            }
            if (more) {
                column[kept++] = column[i];
            }
        }
        count = kept;
        snmp_free_pdu(response);
    }
}

static void run(struct bench *bench)
{
    do {
        uint64_t before = bench->varbinds;
        if (bench->repetitions == 0) {
            read_columns(bench);
        } else {
            for (uint64_t number = bench->first; number <= bench->last; number++) {
                read_bulk(bench, number);
                if (whole_at_once(bench)) {
                    break;
                }
            }
        }
        if (bench->varbinds == before) {
            die("the table is empty");
        }
    } while (bench->varbinds < bench->least);
}

static bool read_arguments(struct bench *bench, int argc, char **argv)
{
    bench->entry_len = MAX_OID_LEN - 3;
    bench->stubborn = argc > 1 && kms_text_equal(argv[1], "stubborn");
    return argc == 9 &&
           (kms_text_equal(argv[1], "columns") || bench->stubborn ||
            (kms_text_starts(argv[1], "bulk") &&
             kms_text_u64(argv[1] + strlen("bulk"), &bench->repetitions) &&
             bench->repetitions > 0 && bench->repetitions < 1000)) &&
           read_objid(argv[3], bench->entry, &bench->entry_len) &&
           kms_text_u64(argv[4], &bench->first) && kms_text_u64(argv[5], &bench->last) &&
           bench->first <= bench->last && bench->last - bench->first < COLUMNS_MAX &&
           kms_text_u64(argv[6], &bench->rows) && kms_text_u64(argv[7], &bench->per_column) &&
           bench->per_column > 0 && kms_text_u64(argv[8], &bench->least);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    const struct kms_clock clock = kms_clock_system();
    (void)setenv("MIBS", "", 1);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    init_snmp("walk_rate");
    if (!read_arguments(&bench, argc, argv)) {
        die("usage: walk_rate bulkREPETITIONS|columns|stubborn ADDRESS ENTRY FIRST LAST ROWS "
            "PER-COLUMN "
            "LEAST");
    }
    netsnmp_session wish;
    char community[] = "public";
    snmp_sess_init(&wish);
    wish.version = SNMP_VERSION_2c;
    wish.peername = argv[2];
    wish.community = (u_char *)community;
    wish.community_len = strlen(community);
    wish.retries = 2;
    wish.timeout = 2000000;
    bench.session = snmp_sess_open(&wish);
    if (!bench.session) {
        die("no session");
    }
    int64_t start_us = kms_clock_mono_us(&clock);
    run(&bench);
    double seconds = (double)(kms_clock_mono_us(&clock) - start_us) / 1000000;
    (void)printf("%.0f %.1f %llu\n", (double)bench.varbinds / seconds,
                 (double)bench.varbinds / (double)bench.pdus, (unsigned long long)bench.varbinds);
    (void)snmp_sess_close(bench.session);
    return 0;
}
