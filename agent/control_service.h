/* The control socket as the configuration wants it: where it is, and who may use it. */
#ifndef KMS_AGENT_CONTROL_SERVICE_H
#define KMS_AGENT_CONTROL_SERVICE_H

#include "agent/control.h"
#include "agent/site.h"

struct kms_control_service;

/* Opens the socket that the site names, or the first of the usual places that can be had, and says
 * in the log which. parts must live until kms_control_service_close. May wait for the machine's
 * directory of groups. NULL, and the log says why: the place that the site names cannot be had, or
 * memory ran out. Without a place to be had nobody can ask, which is logged and no failure. */
struct kms_control_service *kms_control_service_open(struct kms_loop *loop,
                                                     const struct kms_log *log,
                                                     const struct kms_site *site,
                                                     const struct kms_control_parts *parts);
/* Before the parts are freed. NULL is fine. */
void kms_control_service_close(struct kms_control_service *service);

#endif
