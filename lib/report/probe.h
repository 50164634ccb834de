/* The source "report": the text of slmgr.vbs from a file, standard input or a web server. */
#ifndef KMS_REPORT_PROBE_H
#define KMS_REPORT_PROBE_H

#include "probe/probe.h"

/* Needs the worker, and http where the target's url is a web address. */
const struct kms_probe_type *kms_report_probe(void);

#endif
