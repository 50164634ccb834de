/* The table of causes. None of the commands could be tried on Windows here: whoever prints them
 * says so.
 *
 * Sources, as the comments name them:
 *   config    Microsoft, "Installation and configuration for Windows Remote Management" (defaults
 * of winrm/config/service and its auth); [MS-WSMV] ServiceAuthType. exports   the WMI Provider
 * plug-in's ConfigXML, O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;IU)(A;;GA;;;RM), in registry exports of
 * current Windows; RootSDDL of 2008 R2 has (A;;GA;;;BA) only. wmi       Microsoft, "Setting
 * Namespace Security": WBEM_ENABLE 0x1, WBEM_REMOTE_ACCESS 0x20. scm       Microsoft KB 907460:
 * (A;;CCLCRPRC;;;SID) in the descriptor of scmanager. remoting  Microsoft,
 * Enable-ServerManagerStandardUserRemoting (2012 and later). uac       Microsoft KB 951016:
 * LocalAccountTokenFilterPolicy. cbt       HTTP_AUTHENTICATION_HARDENING_LEVELS of http.sys;
 * CbtHardeningLevel of WinRM. krb       RFC 4120 (clock skew), setspn of Windows. trackers  what
 * users of other clients found.
 */
#include "wsman_advice.h"

#include <string.h>

#include "base/text.h"

struct row {
    enum kms_walk_stage stage;
    enum kms_outcome outcome; /* KMS_OUTCOME_NONE: any */
    unsigned when;            /* KMS_WALK_ bits that must all be there */
    struct kms_advice advice;
};

/* clang-format off */
/* A command for the host, one for the monitoring machine, none. */
#define THERE(stage, outcome, when, cause, command) {stage, outcome, when, {cause, command, false}}
#define HERE(stage, outcome, when, cause, command)  {stage, outcome, when, {cause, command, true}}
#define KNOW(stage, outcome, when, cause)           {stage, outcome, when, {cause, NULL, false}}
/* clang-format on */

#define GET_AUTH     "winrm get winrm/config/service/auth"
#define GET_LISTENER "winrm enumerate winrm/config/listener"
#define GET_SID                                           \
    "powershell ([Security.Principal.NTAccount]'{user}')" \
    ".Translate([Security.Principal.SecurityIdentifier]).Value"

static const struct row rows[] = {
    /* ---- DNS, TCP ---- */
    HERE(KMS_WALK_DNS, KMS_OUTCOME_NONE, 0,
         "The name is not in the DNS that this machine asks, or is misspelt.",
         "getent ahosts {host}"),
    /* config: listeners are not there until quickconfig; https needs a certificate first */
    THERE(KMS_WALK_TCP, KMS_OUTCOME_NONE, KMS_WALK_TLS_USED,
          "The host has no listener for HTTPS: Windows only makes the one for HTTP by itself, and "
          "the other needs a certificate for server authentication with the host's name.",
          "winrm quickconfig -transport:https"),
    THERE(KMS_WALK_TCP, KMS_OUTCOME_NONE, KMS_WALK_PLAIN,
          "The host has no listener, or the service WinRM does not run.", "winrm quickconfig"),
    THERE(KMS_WALK_TCP, KMS_OUTCOME_NONE, 0,
          "The firewall of the host does not let TCP {port} in; quickconfig opens 5985 only.",
          "netsh advfirewall firewall add rule name=\"WinRM {port}\" dir=in action=allow "
          "protocol=TCP localport={port}"),
    THERE(KMS_WALK_TCP, KMS_OUTCOME_NONE, 0, "The listener is at another port or address.",
          GET_LISTENER),

    /* ---- TLS ---- */
    THERE(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_PIN, 0,
          "The certificate was renewed with another key: compare the pin above with the host's, "
          "and only then write it into the configuration.",
          GET_LISTENER),
    KNOW(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_PIN, 0,
         "Something else stands between this machine and the host and ends TLS."),
    HERE(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_TLS, KMS_WALK_BY_ADDRESS,
         "The certificate is for the host's name, and the address that was given is a number.",
         "kmsmon wsman-check ... NAME-OF-THE-HOST"),
    THERE(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_TLS, 0,
          "The CA of the certificate (the issuer above) is not known here: give its certificate "
          "with --ca-file, or the pin above with --pin after comparing it on the host.",
          "powershell Get-ChildItem Cert:\\LocalMachine\\My"),
    THERE(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_TLS, 0,
          "The certificate does not carry the name {host}, has expired, or is not for server "
          "authentication: the listener needs another one.",
          "winrm set winrm/config/Listener?Address=*+Transport=HTTPS "
          "@{CertificateThumbprint=\"THUMBPRINT\"}"),
    THERE(KMS_WALK_TLS, KMS_OUTCOME_WSMAN_TLS, 0,
          "The host speaks TLS 1.0 only (2008 R2 without its updates), or no TLS at that port.",
          GET_LISTENER),

    /* ---- HTTP ---- */
    THERE(KMS_WALK_HTTP, KMS_OUTCOME_WSMAN_UNAVAILABLE, 0,
          "http.sys answers, and the service WinRM is not behind it.", "sc query winrm"),
    THERE(KMS_WALK_HTTP, KMS_OUTCOME_WSMAN_UNAVAILABLE, 0, "WinRM has no listener at this port.",
          GET_LISTENER),
    THERE(
        KMS_WALK_HTTP, KMS_OUTCOME_WSMAN_FOREIGN, 0,
        "A web server answers there that is not WinRM, or WinRM has another URL prefix than wsman.",
        GET_LISTENER),
    KNOW(KMS_WALK_HTTP, KMS_OUTCOME_WSMAN_FOREIGN, 0,
         "A proxy or a load balancer stands in front of the host."),
    THERE(KMS_WALK_HTTP, KMS_OUTCOME_WSMAN_NO_ROOM, 0,
          "The limit of connections is reached (300; on 2008 R2 25).",
          "winrm get winrm/config/service"),
    THERE(KMS_WALK_HTTP, KMS_OUTCOME_NONE, 0,
          "The port speaks TLS and the address says http, or the other way round: 5986 is for "
          "https, 5985 for http.",
          GET_LISTENER),

    /* ---- authentication ---- */
    /* config: Basic and Certificate are off by default */
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NOT_OFFERED, KMS_WALK_BASIC,
          "Basic is switched off, as Windows presets it. Kerberos or NTLM need no change on the "
          "host.",
          "winrm set winrm/config/service/auth @{Basic=\"true\"}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NOT_OFFERED, KMS_WALK_CERTIFICATE,
          "Certificates of clients are switched off, as Windows presets it.",
          "winrm set winrm/config/service/auth @{Certificate=\"true\"}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NOT_OFFERED, KMS_WALK_KERBEROS,
          "Negotiate and Kerberos are switched off, usually by group policy.",
          "winrm set winrm/config/service/auth @{Negotiate=\"true\";Kerberos=\"true\"}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NOT_OFFERED, KMS_WALK_NTLM,
          "Negotiate, in which NTLM travels, is switched off, usually by group policy.",
          "winrm set winrm/config/service/auth @{Negotiate=\"true\"}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NOT_OFFERED, 0,
          "A proxy in front of the host strips the methods (trackers know of Negotiate).",
          GET_AUTH),
    HERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_KERBEROS, KMS_WALK_BY_ADDRESS,
         "Kerberos has no tickets for addresses: name the host as it is called in its domain.",
         "kmsmon wsman-check ... NAME-OF-THE-HOST"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_KERBEROS, KMS_WALK_CLOCK,
          "The clocks differ by more than five minutes.", "w32tm /resync"),
    HERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_KERBEROS, 0,
         "The user, the password or the realm is wrong, or krb5.conf does not lead to the domain's "
         "controllers; realms are written in capitals.",
         "kinit {user}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_KERBEROS, 0,
          "The domain knows no principal HTTP/{host} (HOST/{host} covers it): the name is an "
          "alias, or two accounts have it.",
          "setspn -Q HTTP/{host}"),
    HERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NTLM, 0,
         "The mechanism is not installed on the monitoring machine.",
         "apt-get install gss-ntlmssp"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_REFUSED, KMS_WALK_CLOCK,
          "The clocks differ by more than five minutes.", "w32tm /resync"),
    HERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_REFUSED, 0,
         "User, password or key is wrong; after a change of the password a keytab must be made "
         "anew.",
         "kinit {user}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_REFUSED, 0,
          "The account is locked, switched off or expired, or must change its password.",
          "net user {user} /domain"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_BINDING, 0,
          "The host wants channel binding (CbtHardeningLevel), and something between ends TLS: "
          "reach the host directly.",
          GET_AUTH),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_BINDING, 0,
          "The host does not take what this certificate is bound to.",
          "winrm set winrm/config/service/auth @{CbtHardeningLevel=\"Relaxed\"}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_INSECURE, 0,
          "Basic goes over TLS only. AllowUnencrypted on the host would change nothing here, and "
          "give everybody's passwords away.",
          "winrm quickconfig -transport:https"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED,
          KMS_WALK_CLOCK | KMS_WALK_KERBEROS, "The clocks differ by more than five minutes.",
          "w32tm /resync"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, KMS_WALK_CERTIFICATE,
          "The certificate is mapped to no local account, or its CA is not trusted for clients.",
          "winrm enumerate winrm/config/service/certmapping"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, 0,
          "User or password is wrong, or the account is locked, expired, or must change its "
          "password.",
          "net user {user}"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, KMS_WALK_BASIC,
          "Basic knows local accounts of the host only; accounts of the domain need Kerberos or "
          "NTLM.",
          GET_AUTH),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, KMS_WALK_NTLM,
          "A policy restricts NTLM ('Network security: Restrict NTLM'); the domain in front of the "
          "user is written in capitals.",
          "gpresult /h policy.html"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, 0,
          "The account lacks the right 'Access this computer from the network'.", "secpol.msc"),
    /* uac */
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, KMS_WALK_LOCAL_USER,
          "A local administrator other than the built-in one is filtered over the network. Rather "
          "than set LocalAccountTokenFilterPolicy, which weakens the host, use an account that is "
          "no administrator, with the rights below, or one of the domain.",
          "net localgroup \"Remote Management Users\" {user} /add"),
    KNOW(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, 0,
         "A file of the credentials is missing, readable by others, or not readable for us."),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_NONE, KMS_WALK_PLAIN,
          "Over plain HTTP every message is encrypted by Kerberos or NTLM; a proxy that looks into "
          "them breaks that. HTTPS does without.",
          "winrm quickconfig -transport:https"),
    THERE(KMS_WALK_AUTHENTICATION, KMS_OUTCOME_NONE, 0, "The host's log of logons says why.",
          "wevtutil qe Security /q:*[System[(EventID=4625)]] /c:3 /rd:true /f:text"),

    /* ---- WinRM lets us in ---- */
    /* exports: members of Remote Management Users pass the WMI Provider plug-in; the name is
     * translated, the SID is not */
    THERE(KMS_WALK_AUTHORISATION, KMS_OUTCOME_NONE, 0,
          "The account is no member of 'Remote Management Users' (S-1-5-32-580; its name is "
          "translated on Windows in other languages). It counts at the next logon.",
          "net localgroup \"Remote Management Users\" {user} /add"),
    /* remoting */
    THERE(KMS_WALK_AUTHORISATION, KMS_OUTCOME_NONE, 0,
          "2012 and later: this grants WinRM, the namespace and the service manager at once.",
          "powershell Enable-ServerManagerStandardUserRemoting -User {user}"),
    /* exports: 2008 R2 has neither the group nor the entry; some products are said to need the
     * entry on later versions too */
    THERE(KMS_WALK_AUTHORISATION, KMS_OUTCOME_NONE, 0,
          "2008 R2 has no such group: RootSDDL decides. In the window that opens give the account "
          "Read and Execute; try it on later versions too when the group did not help.",
          "winrm configSDDL default"),
    THERE(KMS_WALK_AUTHORISATION, KMS_OUTCOME_NONE, KMS_WALK_LOCAL_USER,
          "A local administrator other than the built-in one is filtered over the network "
          "(LocalAccountTokenFilterPolicy, which weakens the host): use an account of the domain.",
          "whoami /groups"),

    /* ---- namespace ---- */
    /* wmi: Enable Account and Remote Enable, and nothing else */
    THERE(KMS_WALK_NAMESPACE, KMS_OUTCOME_WSMAN_NAMESPACE, 0,
          "The account lacks Enable Account and Remote Enable on root\\cimv2: WMI Control, "
          "Properties, Security. It needs nothing else there.",
          "wmimgmt.msc"),
    THERE(KMS_WALK_NAMESPACE, KMS_OUTCOME_WSMAN_NAMESPACE, 0,
          "2012 and later: this grants WinRM, the namespace and the service manager at once.",
          "powershell Enable-ServerManagerStandardUserRemoting -User {user}"),
    THERE(KMS_WALK_NAMESPACE, KMS_OUTCOME_WSMAN_NAMESPACE, 0,
          "Rights that were changed count after WMI was restarted.",
          "net stop winmgmt && net start winmgmt"),
    /* config: 1500 for each user, 15 on WinRM 2.0 */
    THERE(KMS_WALK_NAMESPACE, KMS_OUTCOME_WSMAN_QUOTA, 0,
          "Too many operations of this account are open (1500; on 2008 R2 15): use an account of "
          "its own for the monitor, or raise the limit.",
          "winrm set winrm/config/service @{MaxConcurrentOperationsPerUser=\"100\"}"),
    THERE(KMS_WALK_NAMESPACE, KMS_OUTCOME_NONE, 0, "WMI on the host is broken or overloaded.",
          "winmgmt /verifyrepository"),

    /* ---- service manager ---- */
    /* scm */
    THERE(
        KMS_WALK_SERVICES, KMS_OUTCOME_NONE, 0,
        "The service manager shows its services to administrators only. Put (A;;CCLCRPRC;;;SID) "
        "behind the last ')' of its D: part, in front of S:. Show it first, and keep what it was:",
        "sc sdshow scmanager"),
    THERE(KMS_WALK_SERVICES, KMS_OUTCOME_NONE, 0, "The SID of the account is shown by:", GET_SID),
    THERE(KMS_WALK_SERVICES, KMS_OUTCOME_NONE, 0,
          "2012 and later: this grants it too, with the rights above.",
          "powershell Enable-ServerManagerStandardUserRemoting -User {user}"),

    /* ---- provider ---- */
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_NAMESPACE, 0,
          "The licensing classes want more than the others, 0xC004F025 for instance an "
          "administrator: compare what an administrator reads.",
          "powershell Get-CimInstance SoftwareLicensingService"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_NO_CLASS, 0,
          "The host is older than Vista and 2008, or its WMI repository is broken.",
          "winmgmt /verifyrepository"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_NO_CLASS, 0,
          "The account sees no rows: compare what an administrator reads.",
          "powershell Get-CimInstance SoftwareLicensingService"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_NOT_A_HOST, 0,
          "This is another machine than was meant, or a client.",
          "cscript //nologo slmgr.vbs /dlv"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_NO_KEY, 0,
          "The host key is gone, or the account may not see it.",
          "cscript //nologo slmgr.vbs /dlv"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_WSMAN_QUOTA, 0,
          "Too many operations of this account are open (1500; on 2008 R2 15).",
          "winrm set winrm/config/service @{MaxConcurrentOperationsPerUser=\"100\"}"),
    THERE(KMS_WALK_PROVIDER, KMS_OUTCOME_NONE, 0,
          "The software protection service does not start, or WMI is overloaded.",
          "sc query sppsvc"),
};

/* Rows for any outcome come behind those of this one; each in the order of the table. */
static size_t add_rows(const struct kms_walk *walk, enum kms_walk_stage stage,
                       enum kms_outcome outcome, const struct kms_advice *ret[KMS_ADVICE_MAX],
                       size_t count)
{
    for (size_t i = 0; i < KMS_COUNT_OF(rows) && count < KMS_ADVICE_MAX; i++) {
        bool fits = rows[i].stage == stage && rows[i].outcome == outcome &&
                    (walk->circumstances & rows[i].when) == rows[i].when;
        if (fits) {
            ret[count++] = &rows[i].advice;
        }
    }
    return count;
}

size_t kms_advice_find(const struct kms_walk *walk, enum kms_walk_stage stage,
                       const struct kms_advice *ret[KMS_ADVICE_MAX])
{
    size_t count = add_rows(walk, stage, walk->stage[stage].outcome, ret, 0);
    return add_rows(walk, stage, KMS_OUTCOME_NONE, ret, count);
}

void kms_advice_expand(const char *text, const struct kms_walk *walk, const char *user, char *dst,
                       size_t size)
{
    static const char *const places[] = {"{user}", "{host}", "{port}"};
    char port[24];
    kms_text_format(port, sizeof port, "%lld", (long long)walk->port);
    const char *const values[] = {user ? user : "USER", walk->host, port};
    dst[0] = '\0';
    while (*text) {
        size_t len = strcspn(text, "{");
        size_t skip = 0;
        kms_text_append(dst, size, "%.*s", (int)len, text);
        text += len;
        for (size_t i = 0; i < KMS_COUNT_OF(places) && skip == 0; i++) {
            if (kms_text_starts(text, places[i])) {
                kms_text_append(dst, size, "%s", values[i]);
                skip = strlen(places[i]);
            }
        }
        if (skip == 0 && *text) { /* of PowerShell and of winrm */
            kms_text_append(dst, size, "{");
            skip = 1;
        }
        text += skip;
    }
}
