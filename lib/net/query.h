/* Raw answers of DNS, server by server: only for the files behind net/resolve.h. */
#ifndef KMS_NET_QUERY_H
#define KMS_NET_QUERY_H

#include "net/question.h"

/* This version of c-ares says "connection refused" when every server answered SERVFAIL or REFUSED,
 * and "timeout" when none could be reached: the servers are asked once more, one by one, for what
 * they do, and that settles the question. */
void kms_query_why(struct kms_question *question);

#endif
