/* What the checks show alike: names of keys, dates, the parts of the tree, notes and next steps. */
#ifndef KMS_CHECKS_SHOW_H
#define KMS_CHECKS_SHOW_H

#include "frame.h"

/* Whether the report is too old to judge; then the first line is written and the caller returns
 * UNKNOWN after its long lines. */
bool kms_show_stale(struct kms_check *check);

/* "windows", "office2010", ..., with _2 and so on for further keys of an application: the end of a
 * perfdata label. */
void kms_show_label(const struct kms_check *check, const char *stem, size_t key, char *dst,
                    size_t size);
/* A number of the key, unknown when the fact is absent or stale. */
struct kms_perf kms_show_fact_perf(const struct kms_check *check, const char *label, size_t key,
                                   enum kms_fact_id fact);

/* All that there is to say of a machine that says it is no KMS host; gives the state. */
enum kms_state kms_show_disowned(struct kms_check *check);

typedef void kms_show_text_fn(const struct kms_check *check, size_t key, char *dst, size_t size);
typedef enum kms_state kms_show_state_fn(const struct kms_check *check, size_t key);
/* The first line: one text a key, superseded keys left out; of many only those that are not OK;
 * then the date. */
void kms_show_first(struct kms_check *check, kms_show_text_fn *text, kms_show_state_fn *state);

/* The parts of one key, each a node of the tree. */
void kms_show_key_node(struct kms_check *check, unsigned depth, size_t key, enum kms_state state);
void kms_show_count_nodes(struct kms_check *check, unsigned depth, size_t key,
                          enum kms_state state);
void kms_show_license_node(struct kms_check *check, unsigned depth, size_t key,
                           enum kms_state state);
/* What an ePID says, a line each; nothing for text that is no ePID. */
void kms_show_epid_lines(struct kms_output *out, unsigned depth, const char *epid);
/* Classes that the site relies on and no key serves. */
void kms_show_unserved_nodes(struct kms_check *check, unsigned depth);
/* What contradicts what, when something does. */
void kms_show_drift_node(struct kms_check *check, unsigned depth, bool stale);

/* Where the data came from and when; at -v what is not known, at -vv every fact, unrecognised lines
 * at -v. */
void kms_show_source(struct kms_check *check, unsigned depth);
/* What to do about the reasons of a state, one line each. */
void kms_show_advice(struct kms_check *check, uint32_t reasons);

/* The worst class of one key. */
enum kms_state kms_show_classes_state(const struct kms_check *check, size_t key);

#endif
