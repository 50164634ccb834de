/* Who the agent is to SNMPv3 managers: an engine id that stays, and a count of starts that grows
 * (RFC 3414, section 2.2). */
#include "agent/snmp_engine.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "agent/state_dir.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

#define FILE_MAX      1024
#define BOOTS_MAX     2147483646 /* the highest but one: at the highest nobody is believed */
#define RANDOM_BYTES  12
#define ID_MIN        5 /* RFC 3411, SnmpEngineID */
#define PATH_TEXT_MAX ((size_t)8 << 10)

static const char head[] =
    "# The SNMP engine of kmsmond (RFC 3414). Managers remember both lines: keep this "
    "file.\n";

/* RFC 3411: an enterprise number with the first bit set, then 5 for "octets of our own making". The
 * enterprise is Net-SNMP's, as is the root of KMSMON-MIB. */
static enum kms_status make_id(struct kms_snmp_engine *engine, struct kms_fault *fault)
{
    static const uint8_t start[] = {0x80, 0x00, 0x1f, 0x88, 0x05};
    memcpy(engine->id, start, sizeof start);
    if (getrandom(engine->id + sizeof start, RANDOM_BYTES, 0) != RANDOM_BYTES) {
        return kms_fault_set(fault, KMS_EIO, 0, "no random bytes for the SNMP engine id (%s)",
                             strerrordesc_np(errno));
    }
    engine->id_len = sizeof start + RANDOM_BYTES;
    engine->boots = 0;
    return KMS_OK;
}

static bool read_id(const char *text, size_t len, struct kms_snmp_engine *engine)
{
    if (len % 2 != 0 || len / 2 < ID_MIN || len / 2 > sizeof engine->id) {
        return false;
    }
    for (size_t i = 0; i < len / 2; i++) {
        uint32_t byte;
        if (strspn(text + 2 * i, "0123456789abcdef") < 2 ||
            !kms_text_hex32(text + 2 * i, 2, &byte)) {
            return false;
        }
        engine->id[i] = (uint8_t)byte;
    }
    engine->id_len = len / 2;
    return true;
}

static bool read_boots(const char *text, size_t len, struct kms_snmp_engine *engine)
{
    uint64_t boots;
    if (!kms_text_u64_len(text, len, &boots) || boots < 1 || boots >= BOOTS_MAX) {
        return false;
    }
    engine->boots = (int64_t)boots;
    return true;
}

/* Both lines, each once; comments. */
static bool read_lines(const char *text, struct kms_snmp_engine *engine)
{
    bool has_id = false, has_boots = false;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        bool good = text[0] == '#';
        if (kms_text_starts(text, "id ")) {
            good = !has_id && read_id(text + 3, len - 3, engine);
            has_id = true;
        } else if (kms_text_starts(text, "boots ")) {
            good = !has_boots && read_boots(text + 6, len - 6, engine);
            has_boots = true;
        }
        if (!good) {
            return false;
        }
        text += len;
        text += *text == '\n';
    }
    return has_id && has_boots;
}

static enum kms_status refuse(const char *state_dir, int error, struct kms_fault *fault)
{
    char advice[160] = "see to state-dir and its disk";
    if (error == EACCES || error == EPERM) {
        kms_state_dir_advice(advice, sizeof advice, state_dir);
    }
    return kms_fault_set(fault, KMS_EIO, 0, "'snmp-engine' of state-dir cannot be read (%s); %s",
                         strerrordesc_np(error), advice);
}

static enum kms_status read_file(const char *state_dir, const char *path,
                                 struct kms_snmp_engine *engine, struct kms_fault *fault)
{
    struct kms_buf text;
    int error = 0;
    kms_buf_init(&text, FILE_MAX);
    enum kms_status status = kms_file_read(path, &text, NULL, &error);
    if (status == KMS_ENOTFOUND) {
        status = make_id(engine, fault);
    } else if (status == KMS_EIO) {
        status = refuse(state_dir, error, fault);
    } else if (status != KMS_OK || !read_lines(kms_buf_str(&text), engine)) {
        status = kms_fault_set(fault, KMS_ESYNTAX, 0,
                               "'%.100s' does not hold an SNMP engine id and its count of starts; "
                               "restore it, or remove it and let SNMPv3 managers learn a new id",
                               path);
    }
    kms_buf_done(&text);
    return status;
}

static enum kms_status write_file(const char *path, const struct kms_snmp_engine *engine,
                                  struct kms_fault *fault)
{
    char id[2 * KMS_SNMP_ENGINE_ID_MAX + 1] = "";
    for (size_t i = 0; i < engine->id_len; i++) {
        (void)kms_text_append(id, sizeof id, "%02x", engine->id[i]);
    }
    char text[FILE_MAX];
    (void)kms_text_format(text, sizeof text, "%sid %s\nboots %lld\n", head, id,
                          (long long)engine->boots);
    return kms_file_keep(path, text, strlen(text), 0600, fault);
}

enum kms_status kms_snmp_engine_start(const char *state_dir, struct kms_snmp_engine *ret,
                                      struct kms_fault *fault)
{
    struct kms_buf path;
    kms_buf_init(&path, PATH_TEXT_MAX);
    struct kms_snmp_engine engine = {0};
    enum kms_status status = kms_buf_addf(&path, "%s/snmp-engine", state_dir);
    if (status != KMS_OK) {
        (void)kms_fault_set(fault, status, 0, "out of memory");
    } else {
        status = read_file(state_dir, kms_buf_str(&path), &engine, fault);
    }
    if (status == KMS_OK) {
        engine.boots++;
        status = write_file(kms_buf_str(&path), &engine, fault);
    }
    kms_buf_done(&path);
    if (status == KMS_OK) {
        *ret = engine;
    }
    return status;
}
