/* What a table of the MIB is made of: column rows, row layouts and values; shared by mib.c and the
 * tables only. */
#ifndef KMS_AGENT_MIB_TABLE_H
#define KMS_AGENT_MIB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agent/mib.h"
#include "base/text.h"

#define KMS_MIB_TEXT_MAX   255 /* SnmpAdminString */
#define KMS_MIB_INDEX_MAX  2
#define KMS_MIB_TABLE_MAX  11 /* highest table number */
#define KMS_MIB_COLUMN_MAX 63 /* highest column number */

/* One value on its way into a varbind. len counts octets; 0 with a numeric column. */
struct kms_mib_value {
    int64_t number;
    size_t len;
    uint8_t octet[KMS_MIB_TEXT_MAX + 1];
};

/* A row is found by its index and names what it shows; the value is looked up when it is asked for.
 */
struct kms_mib_row {
    oid index[KMS_MIB_INDEX_MAX];
    uint32_t owner;    /* slot of the host, or number of the domain */
    uint32_t position; /* in the domain's list when it was laid out; may have moved since */
};

/* Rows of one table while they are collected. */
struct kms_mib_rows {
    struct kms_mib_row *row;
    size_t count, cap;
    bool unsorted; /* not yet */
    bool failed;   /* memory ran out */
};
/* The row's index is index, and sub where it has two parts; 0 is no index. */
void kms_mib_rows_add(struct kms_mib_rows *rows, size_t owner, size_t position, uint32_t index,
                      uint32_t sub);

/* The alarms, and what is known of their notifications. */
struct kms_mib_alarms {
    const struct kms_alarms *table; /* NULL: there are none */
    struct kms_mib_notified (*notified)(void *arg);
    void *arg;
};

/* The rows of all tables at one moment, by table number. */
struct kms_mib_layout {
    struct kms_mib_rows table[KMS_MIB_TABLE_MAX + 1];
};
/* NULL when memory ran out. */
struct kms_mib_layout *kms_mib_layout_new(const struct kms_board *board,
                                          const struct kms_zones *zones);
/* Lays the rows of alarms out again, and nothing else: alarms come and go by the hundred. Without
 * memory the old rows stay (false). */
bool kms_mib_layout_alarms(struct kms_mib_layout *layout, const struct kms_alarms *alarms);
void kms_mib_layout_free(struct kms_mib_layout *layout);

/* What a getter sees: the row's host or domain, and the part of it that the row is about. */
struct kms_mib_view {
    const struct kms_board *board;
    const struct kms_agent_facts *agent;
    const struct kms_mib_alarms *alarms;
    int64_t now_s;                       /* as the times of the host or the domain are named */
    const struct kms_snapshot *snapshot; /* the host; NULL for scalars, domains and records */
    const struct kms_key_judgement *key; /* rows of the key table */
    const struct kms_zone *zone;         /* the domain; tables of domains only */
    const struct kms_zone_record_view *record;      /* rows of the record table */
    const struct kms_zone_publication *publication; /* rows of the publication table */
    const struct kms_alarm_view *alarm;             /* rows of the alarm table */
    const oid *index;
    size_t position; /* where find should look first */
};

/* False: the fact is not known, so there is no such instance. */
typedef bool kms_mib_get_fn(const struct kms_mib_view *view, int what, struct kms_mib_value *ret);

struct kms_mib_column {
    uint8_t number;
    uint8_t type;        /* ASN_... */
    int what;            /* a fact, or what else the getter wants to be told */
    kms_mib_get_fn *get; /* NULL: no source of this release knows it; never an instance */
};

struct kms_mib_table {
    uint8_t number; /* below kmsmonObjects */
    bool alarms;    /* its rows are alarms: kms_mib_layout_alarms */
    bool scalars;   /* the objects themselves, without an entry; their one row has the index 0 */
    uint8_t index_len;
    const struct kms_mib_column *column; /* ascending; accessible ones only */
    size_t column_count;
    /* Collects the rows of one host, in any order. NULL: nothing has rows yet. */
    void (*lay_out)(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows);
    /* The same of one domain; a table has either. */
    void (*lay_out_zone)(const struct kms_board *board, const struct kms_zone *zone, size_t number,
                         struct kms_mib_rows *rows);
    /* Fills in what the row is about; false when it is gone. NULL: nothing to find. */
    bool (*find)(struct kms_mib_view *view);
};

/* All of them, by ascending number. */
const struct kms_mib_table *const *kms_mib_tables(size_t *ret_count);

extern const struct kms_mib_table kms_mib_agent_table;
extern const struct kms_mib_table kms_mib_host_table;
extern const struct kms_mib_table kms_mib_key_table;
extern const struct kms_mib_table kms_mib_class_table;
extern const struct kms_mib_table kms_mib_domain_table;
extern const struct kms_mib_table kms_mib_srv_table;
extern const struct kms_mib_table kms_mib_publication_table;
extern const struct kms_mib_table kms_mib_fleet_table;
extern const struct kms_mib_table kms_mib_error_table;
extern const struct kms_mib_table kms_mib_source_table;
extern const struct kms_mib_table kms_mib_alarm_table;

/* The root of the MIB as numbers, and kmsmonObjects below it. */
#define KMS_MIB_OBJECTS 1
const oid *kms_mib_root(size_t *ret_len);

/* NAME_MAX parts at most: root, kmsmonObjects, table, entry, column, index. */
#define KMS_MIB_NAME_MAX 32
/* The name that a table is registered under. Returns its length. */
size_t kms_mib_table_name(const struct kms_mib_table *table, oid *dst);
/* The name of an instance; index has as many parts as the table's rows (scalars: one, 0). Returns
 * its length. */
size_t kms_mib_name(const struct kms_mib_table *table, unsigned column, const oid *index,
                    oid dst[KMS_MIB_NAME_MAX]);
/* NULL: no such table, no such column. */
const struct kms_mib_table *kms_mib_table_of(unsigned number);
const struct kms_mib_column *kms_mib_column_of(const struct kms_mib_table *table, unsigned number);
/* What a GET of one instance would get now; false: there is none. */
bool kms_mib_read(struct kms_mib *mib, const struct kms_mib_table *table, unsigned column,
                  const oid *index, struct kms_mib_value *ret);
/* Puts a value of that type into a varbind; false when memory ran out. */
bool kms_mib_put(netsnmp_variable_list *var, uint8_t type, const struct kms_mib_value *value);

/* Registers every table with Net-SNMP; false when it refused one. */
bool kms_mib_register(struct kms_mib *mib);
void kms_mib_unregister(struct kms_mib *mib);
/* The handler behind all of them, for tests: answers a table's requests as Net-SNMP would have it
 * do. */
int kms_mib_answer(struct kms_mib *mib, const struct kms_mib_table *table,
                   netsnmp_agent_request_info *info, netsnmp_request_info *requests);

/* Setters of values; all return true, or false for what cannot be shown. */
bool kms_mib_number(struct kms_mib_value *ret, int64_t number);
bool kms_mib_truth(struct kms_mib_value *ret, bool truth);
bool kms_mib_text(struct kms_mib_value *ret, const char *text); /* NULL: absent */
bool kms_mib_bits(struct kms_mib_value *ret, uint32_t bits, const struct kms_word_set *set);
/* The name of an instance, as RowPointer has it; at most KMS_MIB_NAME_MAX parts. */
bool kms_mib_oid(struct kms_mib_value *ret, const oid *name, size_t len);
bool kms_mib_time(struct kms_mib_value *ret, int64_t wall_s);               /* 0: absent */
bool kms_mib_local_time(struct kms_mib_value *ret, int64_t wall_s);         /* without a zone */
bool kms_mib_age(struct kms_mib_value *ret, int64_t now_s, int64_t then_s); /* then_s 0: absent */
/* By the fact's type; false when it is absent. */
bool kms_mib_fact(struct kms_mib_value *ret, const struct kms_facts *facts, int fact);
/* A state enumeration: its "unknown" when the fact is absent. */
bool kms_mib_word(struct kms_mib_value *ret, const struct kms_facts *facts, int fact);

#endif
