/* A made-up board with three hosts, domains beside it, and GET and GETNEXT in memory on the tables
 * over it. */
#ifndef TESTS_UNIT_MIB_FIXTURE_H
#define TESTS_UNIT_MIB_FIXTURE_H

#include "agent/mib_table.h"

#define FIXTURE_NOW 1700000000 /* 2023-11-14 22:13:20 UTC */

struct fixture {
    int64_t now_s;
    int64_t step_s; /* by which every look at the clock moves it */
    struct kms_clock clock;
    struct kms_agent_facts facts;
    struct kms_policy policy;
    struct kms_board *board;
    struct kms_zones *zones; /* without a domain */
    size_t records_numbered;
    struct kms_mib *mib;
};

/* Hosts: "kms07" (index 7, slot 0) with two keys, "10.1.2.3" (2, slot 1) with one that says little,
 * and "silent" (300, slot 2) whose report was never read; all with the report source. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* One more host with the report source, never read. */
void fixture_add_host(struct fixture *f, uint32_t index);
void fixture_publish(struct fixture *f, size_t slot, const struct kms_result *result);
/* What WS-Man says of "kms07": all that a host row shows, and its Windows key. */
void fixture_wsman(struct kms_result *result);
/* A good report of one Windows key. */
void fixture_report(struct kms_result *result, uint32_t count, uint32_t total, uint32_t failed);
void fixture_add_office_key(struct kms_result *result, uint32_t count);

/* Hosts "kms2.example.com" (index 12, slot 3), which accepts binds and is expected in b.example
 * too, and "kms1.example.com" (5, slot 4), which refuses them; both with the sources rpc and dns.
 */
enum { FIXTURE_KMS2 = 3, FIXTURE_KMS1 };
/* Domains, not in the order of their numbers: "example.com" (9), which names kms2, kms1 and a
 * stranger in records 7, 5 and 3; "never.example" (4), which was not looked up; "b.example" (1),
 * which does not exist. */
enum { FIXTURE_EXAMPLE_COM, FIXTURE_NEVER, FIXTURE_B_EXAMPLE };
void fixture_add_domains(struct fixture *f);
/* A record that answers at 192.0.2.1. */
struct kms_zone_record fixture_record(const char *target, uint16_t priority, uint16_t weight);
void fixture_look_up(struct fixture *f, size_t zone, enum kms_outcome outcome,
                     const struct kms_zone_record *record, size_t count);
/* What a bind probe that ended like this says; latency_us 0: nothing. */
void fixture_bind(struct fixture *f, size_t slot, enum kms_outcome outcome,
                  enum kms_rpc_state state, int64_t latency_us);

/* The OID root.1.table[.1].column.index... ; sub 0: the index has one part. */
size_t fixture_oid(const struct kms_mib_table *table, unsigned column, oid index, oid sub,
                   oid *dst);

/* One varbind each, in one PDU. The list is freed with snmp_free_varbind. */
netsnmp_variable_list *fixture_ask(struct fixture *f, const struct kms_mib_table *table, int mode,
                                   netsnmp_variable_list *vars);
/* GET of one instance, an own list. */
netsnmp_variable_list *fixture_get(struct fixture *f, const struct kms_mib_table *table,
                                   unsigned column, oid index, oid sub);
long fixture_number(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                    oid index, oid sub);

#endif
