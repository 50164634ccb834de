"""Accepts SPNEGO, Kerberos and NTLM by the machine's own GSS-API mechanisms."""

import os
from dataclasses import dataclass

_CHANNEL_BOUND = 0x800  # GSS_C_CHANNEL_BOUND_FLAG of MIT Kerberos
_MECHANISMS = {"1.2.840.113554.1.2.2": "Kerberos", "1.3.6.1.4.1.311.2.2.10": "NTLM"}


class NoGss(Exception):
    """python3-gssapi is not installed."""


@dataclass
class Step:
    token: bytes = b""
    complete: bool = False
    why: str = ""  # it was refused, for this


class Acceptor:
    """The endpoint's own keys, and how strict it is about channel binding."""

    def __init__(self, keytab, ntlm_users, binding: str, end_point: bytes):
        # Both mechanisms read these of their own process, when gssapi is loaded and later.
        os.environ["KRB5_KTNAME"] = "FILE:" + (keytab or "/nonexistent/keytab")
        os.environ["KRB5RCACHENAME"] = "none:"
        os.environ.pop("NTLM_USER_FILE", None)
        if ntlm_users:
            os.environ["NTLM_USER_FILE"] = ntlm_users
        try:
            import gssapi
            import gssapi.raw
        except ImportError as error:
            raise NoGss(str(error)) from None
        self.gssapi = gssapi
        self.strict = binding == "strict"
        self.bindings = None
        if binding != "ignore" and end_point:
            self.bindings = gssapi.raw.ChannelBindings(application_data=end_point)
        self.credentials = gssapi.Credentials(usage="accept")

    def new_context(self) -> "Context":
        return Context(self)


class Context:
    def __init__(self, acceptor: Acceptor):
        self._acceptor = acceptor
        self._context = acceptor.gssapi.SecurityContext(
            creds=acceptor.credentials, usage="accept", channel_bindings=acceptor.bindings)
        self.user = ""
        self.mechanism = ""
        self.channel_bound = False

    def step(self, token: bytes) -> Step:
        """One step with the client's token."""
        try:
            reply = self._context.step(token) or b""
            # An error that comes with a token is raised only when the context is used next.
            complete = self._context.complete
        except self._acceptor.gssapi.exceptions.GSSError as error:
            return Step(why=str(error))
        if not complete:
            return Step(reply)
        self.user = str(self._context.initiator_name).rstrip("\0")
        mech = self._context.mech.dotted_form
        self.mechanism = _MECHANISMS.get(mech, mech)
        self.channel_bound = bool(int(self._context.actual_flags) & _CHANNEL_BOUND)
        if self._acceptor.strict and not self.channel_bound:
            return Step(why="the channel is not bound")
        return Step(reply, True)

    def unwrap(self, token: bytes) -> bytes:
        """ValueError when it was not sealed by the other side."""
        try:
            result = self._context.unwrap(token)
        except self._acceptor.gssapi.exceptions.GSSError as error:
            raise ValueError(str(error)) from None
        if not result.encrypted:
            raise ValueError("the message is signed and not encrypted")
        return result.message

    def wrap(self, plain: bytes) -> tuple:
        """Security header, ciphertext, and how many bytes of padding the ciphertext has."""
        raw = self._acceptor.gssapi.raw
        if self.mechanism == "NTLM":  # gss-ntlmssp knows no IOV; its token is 16 bytes and the rest
            token = self._context.wrap(plain, True).message
            return token[:16], token[16:], 0
        iov = raw.IOV((raw.IOVBufferType.header, True), plain, (raw.IOVBufferType.padding, True),
                      std_layout=False)
        raw.wrap_iov(self._context, iov, confidential=True, qop=None)
        header, data, padding = (buffer.value or b"" for buffer in iov)
        return header, data + padding, len(padding)
