/* The file that keeps the memory of a host, in two records that take turns, and its lock. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "net/address.h"
#include "rpc/identity.h"
#include "rpc/memory.h"

#define FOLDER       "activation"
#define NAME_MAX_LEN 200 /* of 255 that file systems allow: the new file's needs some */
#define NAME_KEPT    160
#define LOCK_TRIES   5

/* A record: "record HASH NUMBER LENGTH", the text of that length, and empty lines up to its size.
 * The hash is of all that stands behind it. Record n has the place n % 2. */
#define RECORD_SIZE ((size_t)4096) /* a page: the other one is not touched by a write */
#define FILE_SIZE   (2 * RECORD_SIZE)
#define HASH_AT     (sizeof "record" /* and a blank */)
#define HASH_LEN    16
#define HEAD_MAX    (RECORD_SIZE - KMS_MEMORY_MAX)

static const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

/* The end of a path, which names the host, when there is no room for all of it. */
struct shown {
    char text[88];
};

static struct shown shown(const char *path)
{
    struct shown shown;
    size_t len = strlen(path);
    bool fits = len < sizeof shown.text;
    kms_text_format(shown.text, sizeof shown.text, "%s%s", fits ? "" : "...",
                    fits ? path : path + len - (sizeof shown.text - sizeof "..."));
    return shown;
}

/* ---- the name ---- */

static bool is_plain(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !first);
}

/* Names of hosts have no case. Everything that a file system, a shell or the port behind it could
 * take for something else becomes %xx. */
static enum kms_status escape(const char *address, struct kms_buf *name)
{
    size_t len = strlen(address);
    if (len > 1 && address[len - 1] == '.') {
        len--;
    }
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < len; i++) {
        char c = kms_text_lower(address[i]);
        status = is_plain(c, i == 0) ? kms_buf_add(name, &c, 1)
                                     : kms_buf_addf(name, "%%%02x", (unsigned)(unsigned char)c);
    }
    return status;
}

/* FNV-1a. */
static uint64_t hash_of(const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/* An IPv4 address in the clothes of IPv6 is asked by IPv4. */
static struct kms_address undress(const struct kms_address *address, uint16_t port)
{
    const struct in6_addr *v6 = &address->to.v6.sin6_addr;
    bool mapped = kms_address_family(address) == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6);
    return mapped ? kms_address_v4(v6->s6_addr + 12, port) : *address;
}

/* One address can be written in many ways, which are one host. */
static enum kms_status add_name(const char *address, uint16_t port, struct kms_buf *path)
{
    struct kms_buf name;
    struct kms_address number;
    char usual[KMS_ADDRESS_TEXT];
    kms_buf_init(&name, 1 << 16);
    bool is_number = kms_address_parse(address, port, &number);
    if (is_number) {
        number = undress(&number, port);
        kms_address_text(&number, usual, sizeof usual);
    }
    enum kms_status status = escape(is_number ? usual : address, &name);
    const char *text = kms_buf_str(&name);
    if (status == KMS_OK && name.len <= NAME_MAX_LEN) {
        status = kms_buf_addf(path, "%s_%u", text, port);
    } else if (status == KMS_OK) {
        status = kms_buf_addf(path, "%.*s~%016llx_%u", NAME_KEPT, text,
                              (unsigned long long)hash_of(text, name.len), port);
    }
    kms_buf_done(&name);
    return status;
}

/* ---- the folder ---- */

static enum kms_status check_folder(const char *path, struct kms_fault *fault)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' cannot be looked at: %s", path,
                             error_text(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' is not a folder; move it away", path);
    }
    if (st.st_uid != geteuid()) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.100s' belongs to user #%lld; run as that user",
                             path, (long long)st.st_uid);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%.80s' is open to others: chmod 700 '%.80s'",
                             path, path);
    }
    return KMS_OK;
}

static enum kms_status make_folder(const char *path, struct kms_fault *fault)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return kms_fault_set(fault, KMS_EIO, 0,
                             "'%.100s' cannot be made: %s; without it the interval between two "
                             "requests cannot be kept, so none is sent",
                             path, error_text(errno));
    }
    return check_folder(path, fault);
}

enum kms_status kms_memory_open(const char *state_dir, const char *address, uint16_t port,
                                struct kms_memory_file *ret, struct kms_fault *fault)
{
    enum kms_status status = kms_identity_folder(state_dir, fault);
    if (status != KMS_OK) {
        return status;
    }
    struct kms_buf path;
    kms_buf_init(&path, 1 << 16);
    status = kms_buf_addf(&path, "%s/" FOLDER, state_dir);
    if (status == KMS_OK) {
        status = make_folder(kms_buf_str(&path), fault);
    } else {
        (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(&path, "/");
        if (status == KMS_OK) {
            status = add_name(address, port, &path);
        }
        if (status != KMS_OK) {
            (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
        }
    }
    if (status == KMS_OK) {
        *ret = (struct kms_memory_file){.path = kms_buf_take(&path), .lock = -1};
    }
    kms_buf_done(&path);
    return status;
}

/* ---- the records ---- */

static void put_hash(uint64_t hash, char *dst)
{
    for (unsigned i = 0; i < HASH_LEN; i++) {
        dst[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    }
}

/* A text of at most KMS_MEMORY_MAX bytes as the record of a number. */
static void frame(uint64_t number, const char *text, size_t len, char ret[RECORD_SIZE])
{
    kms_text_format(ret, RECORD_SIZE, "record %0*d %" PRIu64 " %zu\n", HASH_LEN, 0, number, len);
    size_t head_len = strlen(ret);
    if (len > 0) {
        memcpy(ret + head_len, text, len);
    }
    memset(ret + head_len + len, '\n', RECORD_SIZE - head_len - len);
    size_t from = HASH_AT + HASH_LEN;
    put_hash(hash_of(ret + from, head_len + len - from), ret + HASH_AT);
}

static enum kms_status write_record(uint64_t number, const struct kms_memory *memory,
                                    char ret[RECORD_SIZE], struct kms_fault *fault)
{
    struct kms_buf text;
    kms_buf_init(&text, KMS_MEMORY_MAX);
    enum kms_status status = kms_memory_write(memory, &text);
    if (status == KMS_OK) {
        frame(number, kms_buf_str(&text), text.len, ret);
    } else {
        (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    }
    kms_buf_done(&text);
    return status;
}

struct record {
    uint64_t number; /* 0: damaged */
    const char *text;
    size_t len;
};

/* "NUMBER LENGTH" behind the hash. */
static bool read_head(const char *line, size_t len, struct record *record)
{
    const char *blank = memchr(line, ' ', len);
    uint64_t text_len;
    if (!blank || !kms_text_u64_len(line, (size_t)(blank - line), &record->number) ||
        !kms_text_u64_len(blank + 1, len - (size_t)(blank - line) - 1, &text_len) ||
        text_len > KMS_MEMORY_MAX) {
        return false;
    }
    record->len = (size_t)text_len;
    return true;
}

/* Exactly as it was written, or damaged. */
static struct record read_record(const char bytes[RECORD_SIZE], uint64_t place)
{
    struct record record = {.number = 0};
    char again[HASH_LEN];
    size_t from = HASH_AT + HASH_LEN;
    const char *end = memchr(bytes, '\n', HEAD_MAX);
    if (!end || (size_t)(end - bytes) <= from || memcmp(bytes, "record ", HASH_AT) != 0 ||
        bytes[from] != ' ' ||
        !read_head(bytes + from + 1, (size_t)(end - bytes) - from - 1, &record)) {
        return (struct record){.number = 0};
    }
    record.text = end + 1;
    size_t whole = (size_t)(record.text - bytes) + record.len;
    put_hash(hash_of(bytes + from, whole - from), again);
    bool intact = record.number % 2 == place && memcmp(bytes + HASH_AT, again, HASH_LEN) == 0;
    return intact ? record : (struct record){.number = 0};
}

/* ---- the lock ---- */

static enum kms_status make_file(const char *path, struct kms_fault *fault)
{
    static const struct kms_memory nothing = {0};
    char bytes[FILE_SIZE];
    enum kms_status status = write_record(2, &nothing, bytes, fault);
    if (status == KMS_OK) {
        status = write_record(1, &nothing, bytes + RECORD_SIZE, fault);
    }
    if (status == KMS_OK) {
        status = kms_file_create(path, bytes, sizeof bytes, S_IRUSR | S_IWUSR, fault);
    }
    return status;
}

/* One that is not there yet is made. A link elsewhere and what is no file are not opened. */
static enum kms_status open_file(const char *path, int *ret_fd, struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    int fd = -1;
    for (int i = 0; status == KMS_OK && fd < 0 && i < LOCK_TRIES; i++) {
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno != ENOENT) {
            return kms_fault_set(fault, KMS_EIO, 0, "'%s' cannot be opened: %s", shown(path).text,
                                 error_text(errno));
        }
        if (fd < 0) {
            status = make_file(path, fault);
        }
    }
    if (status == KMS_OK && fd < 0) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%s' is removed again and again",
                             shown(path).text);
    }
    *ret_fd = fd;
    return status;
}

/* A lock on a file without a name keeps nobody out. */
static bool has_name(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

enum kms_status kms_memory_lock(struct kms_memory_file *file, struct kms_fault *fault)
{
    int fd = -1;
    enum kms_status status = open_file(file->path, &fd, fault);
    if (status != KMS_OK) {
        return status;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        (void)close(fd);
        if (error == EWOULDBLOCK) {
            return kms_fault_set(fault, KMS_EBUSY, 0, "another probe of this host is under way");
        }
        return kms_fault_set(fault, KMS_EIO, 0, "'%s' cannot be locked: %s", shown(file->path).text,
                             error_text(error));
    }
    file->lock = fd;
    return KMS_OK;
}

void kms_memory_close(struct kms_memory_file *file)
{
    if (file->lock >= 0) {
        (void)close(file->lock);
    }
    free(file->path);
    *file = (struct kms_memory_file){.path = NULL, .lock = -1};
}

/* ---- reading ---- */

static enum kms_status damaged(const char *path, enum kms_status status, const char *why,
                               struct kms_fault *fault)
{
    return kms_fault_set(fault, status, 0,
                         "'%s' is damaged, %.70s: remove it; no request is sent until then",
                         shown(path).text, why);
}

static enum kms_status cannot_read(const char *path, enum kms_status status, const char *why,
                                   struct kms_fault *fault)
{
    return kms_fault_set(fault, status, 0,
                         "'%s' cannot be read: %s; no request is sent until it can",
                         shown(path).text, why);
}

static enum kms_status read_bytes(int fd, const char *path, char bytes[FILE_SIZE],
                                  struct kms_fault *fault)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return cannot_read(path, KMS_EIO, error_text(errno), fault);
    }
    if (!S_ISREG(st.st_mode)) {
        return cannot_read(path, KMS_EINVAL, "it is no regular file", fault);
    }
    if (st.st_size != (off_t)FILE_SIZE) {
        return damaged(path, KMS_ESYNTAX, st.st_size > (off_t)FILE_SIZE ? "too long" : "too short",
                       fault);
    }
    for (size_t len = 0; len < FILE_SIZE;) {
        ssize_t got = pread(fd, bytes + len, FILE_SIZE - len, (off_t)len);
        if (got == 0) {
            return damaged(path, KMS_ESYNTAX, "too short", fault);
        }
        if (got < 0 && errno != EINTR) {
            return cannot_read(path, KMS_EIO, error_text(errno), fault);
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return KMS_OK;
}

/* A request may have gone out that only the damaged record knew of. */
static enum kms_status take_younger(const char *path, const char bytes[FILE_SIZE],
                                    struct kms_memory *ret, uint64_t *ret_number,
                                    struct kms_fault *fault)
{
    const struct record record[2] = {read_record(bytes, 0), read_record(bytes + RECORD_SIZE, 1)};
    const struct record *younger = &record[record[1].number > record[0].number];
    struct kms_fault why = {.offset = 0};
    struct kms_memory memory;
    if (younger->number == 0) {
        return damaged(path, KMS_ESYNTAX, "both of its records", fault);
    }
    enum kms_status status = kms_memory_read(younger->text, younger->len, &memory, &why);
    if (status != KMS_OK) {
        return damaged(path, status, why.text, fault);
    }
    if (record[0].number == 0 || record[1].number == 0) {
        memory.asked_s = KMS_MEMORY_TIME_MAX;
    }
    *ret = memory;
    *ret_number = younger->number;
    return KMS_OK;
}

static enum kms_status load_open(int fd, const char *path, struct kms_memory *ret,
                                 uint64_t *ret_number, struct kms_fault *fault)
{
    char bytes[FILE_SIZE] = {0};
    enum kms_status status = read_bytes(fd, path, bytes, fault);
    return status == KMS_OK ? take_younger(path, bytes, ret, ret_number, fault) : status;
}

enum kms_status kms_memory_load(struct kms_memory_file *file, struct kms_memory *ret,
                                struct kms_fault *fault)
{
    if (file->lock >= 0) {
        return load_open(file->lock, file->path, ret, &file->number, fault);
    }
    uint64_t number;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        *ret = (struct kms_memory){.asked_s = 0};
        return KMS_OK;
    }
    if (fd < 0) {
        return cannot_read(file->path, KMS_EIO, error_text(errno), fault);
    }
    enum kms_status status = load_open(fd, file->path, ret, &number, fault);
    (void)close(fd);
    return status;
}

/* ---- writing ---- */

static bool write_at(int fd, const char *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t put = pwrite(fd, bytes, len, at);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        size_t step = put > 0 ? (size_t)put : 0;
        bytes += step;
        len -= step;
        at += (off_t)step;
    }
    return true;
}

static enum kms_status save(struct kms_memory_file *file, const struct kms_memory *memory,
                            bool flush, struct kms_fault *fault)
{
    struct kms_memory before;
    char bytes[RECORD_SIZE];
    enum kms_status status = KMS_OK;
    if (file->lock < 0) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "'%s' is not locked", shown(file->path).text);
    }
    if (!has_name(file->lock)) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%s' was removed", shown(file->path).text);
    }
    if (file->number == 0) {
        status = kms_memory_load(file, &before, fault);
    }
    uint64_t number = file->number + 1;
    if (status == KMS_OK) {
        status = write_record(number, memory, bytes, fault);
    }
    if (status != KMS_OK) {
        return status;
    }
    if (!write_at(file->lock, bytes, sizeof bytes, (off_t)(number % 2 * RECORD_SIZE)) ||
        (flush && fdatasync(file->lock) != 0)) {
        return kms_fault_set(fault, KMS_EIO, 0, "'%s' cannot be written: %s",
                             shown(file->path).text, error_text(errno));
    }
    file->number = number;
    return KMS_OK;
}

enum kms_status kms_memory_save(struct kms_memory_file *file, const struct kms_memory *memory,
                                struct kms_fault *fault)
{
    return save(file, memory, true, fault);
}

enum kms_status kms_memory_save_soon(struct kms_memory_file *file, const struct kms_memory *memory,
                                     struct kms_fault *fault)
{
    return save(file, memory, false, fault);
}
