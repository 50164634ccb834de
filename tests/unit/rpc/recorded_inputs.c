/* The inputs of a recorded request in the place of the machine's own: put there when a test program
 * is linked (--wrap), from KMS_RECORDED_... of the environment. No program that is installed has a
 * way to do this. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/clock_sync.h"
#include "base/entropy.h"
#include "base/loop.h"
#include "base/text.h"
#include "rpc/activation.h"
#include "rpc/identity.h"
#include "rpc/plan.h"

bool __wrap_kms_entropy(void *bytes, size_t len);
struct kms_clock __real_kms_clock_system(void);
struct kms_clock __wrap_kms_clock_system(void);
enum kms_clock_sync __wrap_kms_clock_sync(void);
void __wrap_kms_workstation(const char *domain, char ret[KMS_WORKSTATION_SIZE]);
void __real_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __real_kms_plan_ask(const struct kms_step *step, const struct kms_guid *cmid,
                         const char *workstation, int64_t now_us, struct kms_ask *ret);
void __wrap_kms_plan_ask(const struct kms_step *step, const struct kms_guid *cmid,
                         const char *workstation, int64_t now_us, struct kms_ask *ret);

static const char *text_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? text : "";
}

static uint64_t number_of(const char *variable)
{
    uint64_t value = 0;
    (void)kms_text_u64(text_of(variable), &value);
    return value;
}

/* Names put together by the compiler: the benches use these too. */
#define recorded(name) text_of("KMS_RECORDED_" name)
#define number(name)   number_of("KMS_RECORDED_" name)

/* The IV; zeros where version 4 recorded none. */
bool __wrap_kms_entropy(void *bytes, size_t len)
{
    const char *hex = recorded("IV");
    size_t hex_len = strlen(hex);
    uint8_t *at = bytes;
    memset(bytes, 0, len);
    for (size_t i = 0; i < len && hex_len >= 2 * (i + 1); i++) {
        uint32_t byte = 0;
        (void)kms_text_hex32(hex + 2 * i, 2, &byte);
        at[i] = (uint8_t)byte;
    }
    return true;
}

/* 1601 to 1970, and how much later than the recording it is now. */
static int64_t recorded_wall_us(void *arg)
{
    (void)arg;
    return (int64_t)(number("TIME") / 10) - INT64_C(11644473600000000) +
           (int64_t)number("LATER_S") * 1000000;
}

static int64_t recorded_mono_us(void *arg)
{
    return __real_kms_clock_system().mono_us(arg) + (int64_t)number("LATER_S") * 1000000;
}

struct kms_clock __wrap_kms_clock_system(void)
{
    struct kms_clock clock = __real_kms_clock_system();
    clock.wall_us = recorded_wall_us;
    clock.mono_us = recorded_mono_us;
    return clock;
}

enum kms_clock_sync __wrap_kms_clock_sync(void)
{
    return (enum kms_clock_sync)number("SYNC");
}

/* KMS_RECORDED_WATCH_MS: how long the connection is watched after an answer, so that a test waits
 * for what it is about and not for the machine. */
void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms)
{
    bool watch = delay_ms == KMS_ACTIVATION_CLOSE_WAIT_MS && number("WATCH_MS") > 0;
    __real_kms_timer_set(timer, watch ? (int64_t)number("WATCH_MS") : delay_ms);
}

void __wrap_kms_workstation(const char *domain, char ret[KMS_WORKSTATION_SIZE])
{
    (void)domain;
    kms_text_copy(ret, KMS_WORKSTATION_SIZE, recorded("WORKSTATION"));
}

/* What the recordings' clients chose otherwise than the monitor does; the CMID stays the monitor's
 * own. */
void __wrap_kms_plan_ask(const struct kms_step *step, const struct kms_guid *cmid,
                         const char *workstation, int64_t now_us, struct kms_ask *ret)
{
    __real_kms_plan_ask(step, cmid, workstation, now_us, ret);
    ret->major = (uint16_t)(recorded("VERSION")[0] - '0');
    ret->license_status = (uint32_t)number("STATUS");
    ret->expires_minutes = (uint32_t)number("MINUTES");
    ret->n_policy = (uint32_t)number("N");
    ret->filetime = number("TIME");
    (void)kms_guid_parse(recorded("APPLICATION"), &ret->application);
    (void)kms_guid_parse(recorded("SKU"), &ret->sku);
    (void)kms_guid_parse(recorded("COUNTED"), &ret->counted);
}
