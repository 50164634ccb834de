/* kmsmonPublicationTable: one row per host and domain where it is expected or was found. */
#include "agent/mib_table.h"

enum told { NAME, STATE, MISSING_FOR, REASON };

static bool get_name(const struct kms_mib_view *view, struct kms_mib_value *ret)
{
    char text[KMS_MIB_TEXT_MAX + 1];
    (void)kms_text_format(text, sizeof text, "%s in %s", view->snapshot->target->name,
                          view->zone->name);
    return kms_mib_text(ret, text);
}

static bool get_missing_for(const struct kms_mib_view *view, struct kms_mib_value *ret)
{
    const struct kms_zone_publication *publication = view->publication;
    if (!publication->missing_known) {
        return false;
    }
    return publication->missing_since_s == 0
               ? kms_mib_number(ret, 0)
               : kms_mib_age(ret, view->now_s, publication->missing_since_s);
}

static bool get_told(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    switch ((enum told)what) {
    case NAME:
        return get_name(view, ret);
    case STATE:
        return kms_mib_number(ret, view->publication->publication);
    case MISSING_FOR:
        return get_missing_for(view, ret);
    case REASON:
        return kms_mib_text(ret, view->publication->reason);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {1, ASN_OCTET_STR, NAME, get_told},
    {2, ASN_INTEGER, STATE, get_told},
    {3, ASN_GAUGE, MISSING_FOR, get_told},
    {4, ASN_OCTET_STR, REASON, get_told},
};

/* NULL: the slot is beyond the board. */
static const struct kms_snapshot *host_of(const struct kms_board *board,
                                          const struct kms_zone_publication *publication)
{
    return publication->host_slot < kms_board_count(board)
               ? kms_board_snapshot(board, publication->host_slot)
               : NULL;
}

static void lay_out(const struct kms_board *board, const struct kms_zone *zone, size_t number,
                    struct kms_mib_rows *rows)
{
    for (size_t i = 0; i < zone->publication_count; i++) {
        const struct kms_snapshot *host = host_of(board, &zone->publication[i]);
        if (host != NULL && zone->index != 0) {
            kms_mib_rows_add(rows, number, i, host->index, zone->index);
        }
    }
}

static bool take(struct kms_mib_view *view, size_t position)
{
    const struct kms_zone *zone = view->zone;
    if (position >= zone->publication_count) {
        return false;
    }
    const struct kms_snapshot *host = host_of(view->board, &zone->publication[position]);
    if (host == NULL || host->index != view->index[0]) {
        return false;
    }
    view->publication = &zone->publication[position];
    view->snapshot = host;
    return true;
}

/* By the host's number: hosts before it come and go. */
static bool find(struct kms_mib_view *view)
{
    if (take(view, view->position)) {
        return true;
    }
    for (size_t i = 0; i < view->zone->publication_count; i++) {
        if (take(view, i)) {
            return true;
        }
    }
    return false;
}

const struct kms_mib_table kms_mib_publication_table = {.number = 7,
                                                        .index_len = 2,
                                                        .column = columns,
                                                        .column_count = KMS_COUNT_OF(columns),
                                                        .lay_out_zone = lay_out,
                                                        .find = find};
