/* Memory that runs out anywhere while the configuration is read is a status, and nothing is lost or
 * used after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/site.h"
#include "base/text.h"
#include "unit/scarce.h"

static const char good[] = "agentx \"unix:/x\" state-dir /s\njudgement { client-threshold = 30 }\n"
                           "host a { address 192.0.2.1 classes = {server, client}\n"
                           "  report { url = /r ca-file /etc/passwd }\n"
                           "  dns { publish-in = {a.example, b.example} } }\n"
                           "dns { servers \"192.0.2.1, ::1\" domain e.example { expect = {a, b} } "
                           "  domain f.example { } } discover = {c.example, d.example}\n"
                           "snmp { listen = {\"udp:0.0.0.0:161\", \"unix:/x\"} community c }\n"
                           "credentials c { auth kerberos user u@X ccache KCM: }\n"
                           "host w { wsman { credentials c url http://w:5985 service WSMAN } }\n"
                           "include x\n";
static const char bad[] = "x 1\ndns { domain x..y { expect = {\":\"} } domain { } }\nhost a { "
                          "classes = {z} report { } }\nhost a { dns { } }\n"
                          "snmp { user u { } user v { auth-file /x } }\n"
                          "credentials c { user x password-file /x }\n"
                          "host w { wsman { credentials d pin x url ftp://x } }\n\"\n";

static enum kms_status expand(void *arg, const char *from, const char *pattern, char ***ret_names,
                              size_t *ret_count, struct kms_fault *fault)
{
    (void)arg;
    (void)from;
    char **names = calloc(1, sizeof *names);
    char *name = kms_text_dup(pattern);
    if (!names || !name) {
        free(names);
        free(name);
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    names[0] = name;
    *ret_names = names;
    *ret_count = 1;
    return KMS_OK;
}

static enum kms_status read_text(void *arg, const char *name, struct kms_buf *text,
                                 uint64_t ret_identity[2], struct kms_fault *fault)
{
    (void)arg;
    (void)name;
    ret_identity[0] = 1;
    ret_identity[1] = 1;
    if (kms_buf_add_str(text, "host b { report { url /r } }\n") != KMS_OK) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    return KMS_OK;
}

/* Reads text with so many allocations; the status of the whole. */
static enum kms_status build(const char *text, int64_t allocations)
{
    const struct kms_conf_source source = {.expand = expand, .read = read_text};
    struct kms_buf lines;
    kms_buf_init(&lines, 65536);
    struct kms_conf_errors errors;
    kms_conf_errors_init(&errors, &lines);
    struct kms_site site = {0};
    scarce_left(allocations);
    struct kms_conf *conf = kms_conf_parse("t.conf", text, strlen(text), &source, &errors);
    if (conf) {
        (void)kms_site_build(conf, &site, &errors);
    }
    scarce_over();
    kms_conf_errors_end(&errors);
    kms_conf_free(conf);
    kms_site_free(&site);
    kms_buf_done(&lines);
    return errors.status;
}

static void a_good_text_is_never_taken_for_a_shorter_one(void **state)
{
    (void)state;
    int64_t allocations = 1;
    while (build(good, allocations) != KMS_OK) {
        allocations++;
        assert_true(allocations < 10000);
    }
    assert_true(allocations > 20);
}

static void a_bad_text_is_never_taken_for_a_good_one(void **state)
{
    (void)state;
    for (int64_t allocations = 1; allocations < 500; allocations++) {
        assert_int_not_equal(build(bad, allocations), KMS_OK);
    }
    assert_int_equal(build(bad, -1), KMS_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_text_is_never_taken_for_a_shorter_one),
        cmocka_unit_test(a_bad_text_is_never_taken_for_a_good_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
