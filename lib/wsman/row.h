/* One instance of a CIM class as WS-Management delivers it: named values, of which null, empty and
 * absent are three different things.
 *
 * Types in XML: DSP0230 (WS-CIM mapping) 7; WinRM writes class instances in the class's namespace
 * and projections as w:XmlFragment without one, so names are local names.
 */
#ifndef KMS_WSMAN_ROW_H
#define KMS_WSMAN_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct kms_wsman_cell {
    char *name;
    char *text; /* NULL: xsi:nil. "" is an empty string */
};

/* In the order of the document; the elements of an array are cells of one name. */
struct kms_wsman_row {
    char *class_name; /* local name of the item: "Win32_Service", "XmlFragment" */
    struct kms_wsman_cell *cell;
    size_t count, cap;
};

void kms_wsman_row_done(struct kms_wsman_row *row);
/* Copies; text NULL: null. */
enum kms_status kms_wsman_row_add(struct kms_wsman_row *row, const char *name, const char *text);

/* NULL: absent or null. Names are compared without case, as WMI does. */
const char *kms_wsman_row_text(const struct kms_wsman_row *row, const char *name);
/* False: absent, null, or 4294967295, by which the licensing classes say that there is no value.
 * A text that is no such number is absent too, and makes *malformed (may be NULL) true. Blanks
 * around are ignored. */
bool kms_wsman_row_uint32(const struct kms_wsman_row *row, const char *name, uint32_t *ret,
                          bool *malformed);
bool kms_wsman_row_bool(const struct kms_wsman_row *row, const char *name, bool *ret,
                        bool *malformed); /* true, false, 1, 0 */
/* xs:dateTime with fraction and offset; seconds since 1970, UTC. The year 1601 means none. A time
 * without a zone is taken as UTC. */
bool kms_wsman_row_time(const struct kms_wsman_row *row, const char *name, int64_t *ret_s,
                        bool *malformed);

#endif
