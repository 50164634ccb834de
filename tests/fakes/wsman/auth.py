"""Who a connection's client is: nobody asked, Basic, a client certificate, or Negotiate."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from . import names
from .http import Answer


@dataclass
class Methods:
    """What the endpoint offers."""

    none: bool = False
    basic: str = ""  # USER:PASSWORD
    certificate: bool = False
    negotiate: object = None  # negotiate.Acceptor

    def offers(self) -> list:
        """The values of WWW-Authenticate, in the order in which WinRM sends them."""
        offered = ["Negotiate", "Kerberos"] if self.negotiate else []
        return offered + (['Basic realm="WSMAN"'] if self.basic else [])


@dataclass
class Verdict:
    """answer None: go on with the request, with these headers in its answer."""

    answer: object = None
    headers: list = field(default_factory=list)
    why: str = ""


class Authentication:
    """The state of one connection."""

    def __init__(self, methods: Methods, peer_certificate):
        self._methods = methods
        self._peer = peer_certificate  # as ssl.getpeercert() has it; None: none was shown
        self._pending = None
        self.context = None  # a complete negotiate.Context
        self.user = ""
        self.mechanism = ""
        self.channel_bound = False
        self.authenticated = methods.none

    def check(self, request) -> Verdict:
        """Judges one request by its Authorization header and by what the connection knows."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            if self.authenticated:
                return Verdict()
            return self._refuse("no Authorization" if request.headers else "")
        if scheme.lower() == "basic" and self._methods.basic:
            return self._basic(value)
        if scheme.lower() in ("negotiate", "kerberos") and self._methods.negotiate:
            return self._negotiate(scheme, value, request)
        if scheme == names.EVERY_CERTIFICATE and self._methods.certificate:
            return self._certificate()
        if self._methods.none:
            return Verdict()
        return self._refuse("scheme %s is not offered" % scheme)

    def _refuse(self, why: str) -> Verdict:
        self.authenticated = False
        self.context = self._pending = None
        self.mechanism = self.user = ""
        answer = Answer(401, headers=[("WWW-Authenticate", o) for o in self._methods.offers()])
        return Verdict(answer, why=why)

    def _basic(self, value: str) -> Verdict:
        try:
            given = base64.b64decode(value, validate=True)
        except binascii.Error:
            return self._refuse("Basic without base64")
        if not hmac.compare_digest(given, self._methods.basic.encode()):
            return self._refuse("Basic: wrong user or password")
        self.user = given.decode().split(":")[0]
        self.mechanism = "Basic"
        # Basic is said anew with each request.
        return Verdict()

    def _certificate(self) -> Verdict:
        if not self._peer:
            return self._refuse("no client certificate was shown")
        self.user = str(self._peer.get("subject", ""))
        self.mechanism = "certificate"
        return Verdict()

    def _negotiate(self, scheme: str, value: str, request) -> Verdict:
        try:
            token = base64.b64decode(value, validate=True)
        except binascii.Error:
            return self._refuse("%s without base64" % scheme)
        if self._pending is None:
            self._pending = self._methods.negotiate.new_context()
            self.context = None
            self.authenticated = False
        step = self._pending.step(token)
        if step.why:
            return self._refuse("%s: %s" % (scheme, step.why))
        reply = scheme + " " + base64.b64encode(step.token).decode() if step.token else scheme
        headers = [("WWW-Authenticate", reply)]
        if not step.complete:
            return Verdict(Answer(401, headers=headers))
        self.context, self._pending = self._pending, None
        self.authenticated = True
        self.user, self.mechanism = self.context.user, self.context.mechanism
        self.channel_bound = self.context.channel_bound
        if not step.token:
            headers = []
        if not request.body:
            return Verdict(Answer(200, headers=headers))
        return Verdict(None, headers)
