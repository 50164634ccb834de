"""The command line of the endpoint."""

import argparse
import os
import signal
import sys

from . import host, negotiate, operations, recording, replay, script, server, tls
from .auth import Methods
from .log import Log

DESCRIPTION = """A replay endpoint for tests: answers WS-Management as WinRM does, from a synthetic
host or from captures. It never speaks KMS. Says "ready" when it listens; ends on SIGTERM. Exit 77:
python3-gssapi is missing. wsman/host.py says what a host file holds, wsman/script.py what a script."""


def _arguments(argv):
    parser = argparse.ArgumentParser("wsman_endpoint", description=DESCRIPTION)
    parser.add_argument("--port-file", required=True, help="gets the chosen port once it listens")
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("--host", help="JSON of a synthetic host")
    parser.add_argument("--replay", help="a recording, a capture, a folder, or how names begin")
    parser.add_argument("--verbatim", action="store_true",
                        help="captures keep their own RelatesTo instead of the request's")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--tls-version", choices=("1.0", "1.1", "1.2", "1.3"), help="no other")
    parser.add_argument("--client-ca", help="who may sign certificates of clients")
    parser.add_argument("--auth", action="append", default=[],
                        help="none, basic:USER:PASSWORD, basic:@FILE, negotiate, certificate;"
                        " may be repeated")
    parser.add_argument("--keytab", help="keys of the services that Kerberos is accepted for")
    parser.add_argument("--ntlm-users", help="DOMAIN:user:password lines, for gss-ntlmssp")
    parser.add_argument("--binding", choices=("ignore", "relaxed", "strict"), default="relaxed")
    parser.add_argument("--seal", action="store_true", help="messages must be encrypted")
    parser.add_argument("--page", default="winrm", help="items in an answer; 0: what fits; winrm")
    parser.add_argument("--script", help="JSON list of what goes wrong")
    parser.add_argument("--log", help="a line of JSON for each request is appended")
    return parser.parse_args(argv)


def _methods(arguments) -> Methods:
    methods = Methods()
    for word in arguments.auth or ["none"]:
        kind, _, rest = word.partition(":")
        if kind == "none":
            methods.none = True
        elif kind == "basic" and rest:
            methods.basic = rest
            if rest.startswith("@"):
                with open(rest[1:], encoding="utf-8") as file:
                    methods.basic = file.read().rstrip("\n")
        elif kind == "certificate":
            methods.certificate = True
        elif kind == "negotiate":
            end_point = tls.end_point(arguments.tls[0]) if arguments.tls else b""
            methods.negotiate = negotiate.Acceptor(arguments.keytab, arguments.ntlm_users,
                                                   arguments.binding, end_point)
        else:
            raise ValueError("--auth %r" % word)
    return methods


def _replayed(arguments):
    """Captures of single messages, or one recording of a whole conversation."""
    if os.path.isfile(arguments.replay):
        with open(arguments.replay, "rb") as file:
            if file.readline() == recording.HEAD:
                return recording.Recording(arguments.replay, arguments.verbatim)
    return replay.Replay(arguments.replay, arguments.verbatim)


def main(argv) -> int:
    """Serves until SIGTERM; 2: wrong arguments."""
    arguments = _arguments(argv)
    try:
        one = host.load(arguments.host)
        service = operations.Service(one, arguments.page)
        if arguments.replay:
            service = _replayed(arguments)
        log = Log(arguments.log)
        endpoint = server.Endpoint(service, script.load(arguments.script), log,
                                   _methods(arguments), arguments.seal, one.skew_s())
        secured = tls.context(*arguments.tls, arguments.client_ca, arguments.tls_version) \
            if arguments.tls else None
    except negotiate.NoGss as error:
        print("wsman_endpoint: skipped: %s (package python3-gssapi)" % error, file=sys.stderr)
        return 77
    except (host.HostError, script.ScriptError, replay.ReplayError, ValueError, OSError) as error:
        print("wsman_endpoint: %s" % error, file=sys.stderr)
        return 2
    end = server.end_by(signal.SIGTERM)
    listener = server.listen(arguments.listen)
    server.write_port(arguments.port_file, listener.getsockname()[1])
    print("ready", flush=True)
    try:
        server.serve(endpoint, listener, secured, end)
    finally:
        log.write({"event": "end", "open_contexts": service.open_contexts()})
    return 0
