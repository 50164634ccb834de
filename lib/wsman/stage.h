/* How far a conversation over WS-Management came. */
#ifndef KMS_WSMAN_STAGE_H
#define KMS_WSMAN_STAGE_H

/* In their order, as wsman-check shows them. */
enum kms_talk_stage {
    KMS_TALK_ADDRESS,      /* of the configuration, and DNS */
    KMS_TALK_CONNECT,      /* TCP */
    KMS_TALK_TLS,          /* skipped over http */
    KMS_TALK_HTTP,         /* something that speaks HTTP and knows /wsman */
    KMS_TALK_AUTHENTICATE, /* who we are */
    KMS_TALK_AUTHORIZE,    /* WinRM lets us in */
    KMS_TALK_OPERATE       /* namespace and provider */
};

#endif
