/* Finds a place for the control socket. */
#include "agent/control_service.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/control_command.h"
#include "agent/control_socket.h"
#include "base/text.h"
#include "control/place.h"

/* Others are told by the daemon that they may not, when the site lets anybody else in at all. */
#define MODE_SHARED 0666
#define MODE_OWN    0600

struct kms_control_service {
    struct kms_control_socket socket;
    struct kms_control *control; /* NULL: nobody can ask */
};

/* KMS_OK, or the fault says why none of them. */
static enum kms_status open_usual(const struct kms_log *log, const struct kms_site *site,
                                  mode_t mode, struct kms_control_socket *ret,
                                  struct kms_fault *fault)
{
    char path[2 * KMS_CONTROL_PATH_SIZE];
    if (kms_control_socket_open(KMS_CONTROL_PATH, mode, ret, fault) == KMS_OK) {
        return KMS_OK;
    }
    struct kms_fault second = {0};
    bool fits = kms_text_format(path, sizeof path, "%s/" KMS_CONTROL_STATE_NAME, site->state_dir);
    enum kms_status status = fits ? kms_control_socket_open(path, mode, ret, &second)
                                  : kms_fault_set(&second, KMS_ETOOBIG, 0,
                                                  "the path of the state-dir is too long");
    if (status == KMS_OK) {
        kms_log_write(log, KMS_LOG_INFO, "control: at %s, since %s", path, fault->text);
        return KMS_OK;
    }
    kms_log_write(log, KMS_LOG_WARNING, "control: %s", fault->text);
    *fault = second;
    return status;
}

static bool find_place(struct kms_control_service *service, const struct kms_log *log,
                       const struct kms_site *site)
{
    const struct kms_site_control *wanted = &site->control;
    mode_t mode = wanted->group || wanted->operators ? MODE_SHARED : MODE_OWN;
    struct kms_fault fault = {0};
    if (wanted->socket) {
        if (kms_control_socket_open(wanted->socket, mode, &service->socket, &fault) != KMS_OK) {
            kms_log_write(log, KMS_LOG_ERROR, "start: %s", fault.text);
            return false;
        }
        return true;
    }
    if (open_usual(log, site, mode, &service->socket, &fault) != KMS_OK) {
        kms_log_write(log, KMS_LOG_WARNING,
                      "control: nobody can ask this kmsmond: %s; set socket in the block control",
                      fault.text);
    }
    return true;
}

static bool listen_there(struct kms_control_service *service, struct kms_loop *loop,
                         const struct kms_log *log, const struct kms_site *site,
                         const struct kms_control_parts *parts)
{
    struct kms_control_config config = {.loop = loop,
                                        .log = log,
                                        .parts = parts,
                                        .commands = kms_control_commands(),
                                        .listening = service->socket.fd};
    struct kms_fault fault = {0};
    if (kms_control_access_find(site->control.group, site->control.operators, &config.access,
                                &fault) != KMS_OK) {
        kms_log_write(log, KMS_LOG_ERROR, "start: control: %s", fault.text);
        return false;
    }
    service->control = kms_control_open(&config);
    if (!service->control) {
        kms_log_write(log, KMS_LOG_ERROR, "start: out of memory");
    } else {
        service->socket.fd = -1;
    }
    return service->control != NULL;
}

struct kms_control_service *kms_control_service_open(struct kms_loop *loop,
                                                     const struct kms_log *log,
                                                     const struct kms_site *site,
                                                     const struct kms_control_parts *parts)
{
    struct kms_control_service *service = calloc(1, sizeof *service);
    if (!service) {
        kms_log_write(log, KMS_LOG_ERROR, "start: out of memory");
        return NULL;
    }
    service->socket.fd = -1;
    bool ready = kms_text_equal(site->control.socket, "off") || find_place(service, log, site);
    if (ready && service->socket.fd >= 0) {
        ready = listen_there(service, loop, log, site, parts);
    }
    if (!ready) {
        kms_control_service_close(service);
        return NULL;
    }
    return service;
}

void kms_control_service_close(struct kms_control_service *service)
{
    if (!service) {
        return;
    }
    kms_control_socket_remove(&service->socket);
    kms_control_close(service->control);
    if (service->socket.fd >= 0) {
        (void)close(service->socket.fd);
    }
    free(service);
}
