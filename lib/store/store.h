/* The store: one SQLite file in WAL mode with small records by kind and name, and the hours of
 * history. One thread at a time. */
#ifndef KMS_STORE_STORE_H
#define KMS_STORE_STORE_H

/* What a record is about. Numbers are in the file and never change. */
enum kms_store_kind {
    KMS_STORE_NUMBER = 1, /* name: "SPACE NAME" of lib/store/index.h; bytes: the number */
    KMS_STORE_RESULT, /* "HOST SOURCE": the last good result, as model/result_text.h writes it */
    KMS_STORE_WINDOW, /* "HOST KEY-IDENTITY": the request window, discontinuity included */
    KMS_STORE_ALARM,  /* number of the alarm: its state, as agent/alarms.c writes it */
    KMS_STORE_NOTICE, /* number: a notification that nobody has confirmed yet */
    KMS_STORE_META    /* "alarm-next" and its kin: single values */
};

#endif
