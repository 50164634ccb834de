"""Reads requests as strictly as tests need it, and writes the envelopes of answers."""

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape

from . import faults, names
from .faults import Fault
from .names import tag

_DURATION = re.compile(r"^PT\d+(\.\d{1,3})?S$")


@dataclass
class Request:
    """One SOAP request; what it does not say is "" or 0."""

    kind: str = ""  # identify enumerate pull release
    action: str = ""
    resource_uri: str = ""
    message_id: str = ""
    operation_timeout: str = ""
    locale: str = ""
    max_envelope: int = 153600
    max_elements: int = 1
    optimize: bool = False
    wql: str = ""
    context: str = ""


def _text(element) -> str:
    return "" if element is None or element.text is None else element.text.strip()


def _need_understood(element, what: str) -> None:
    if element is None:
        raise Fault(faults.SCHEMA, "%s is missing" % what)
    if element.get(tag(names.S, "mustUnderstand")) not in ("true", "1"):
        raise Fault(faults.SCHEMA, "%s without mustUnderstand" % what)


def _number(element, what: str) -> int:
    text = _text(element)
    if not text.isdigit():
        raise Fault(faults.SCHEMA, "%s is %r, not a number" % (what, text))
    return int(text)


def _parse(body: bytes):
    if b"<!" in body and b"<!DOCTYPE" in body:
        raise Fault(faults.SCHEMA, "a DOCTYPE")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise Fault(faults.SCHEMA, "not well-formed: %s" % error) from None
    if root.tag != tag(names.S, "Envelope"):
        raise Fault(faults.SCHEMA, "not a SOAP 1.2 envelope")
    content = root.find(tag(names.S, "Body"))
    if content is None or len(content) != 1:
        raise Fault(faults.SCHEMA, "the body has not one child")
    return root, content[0]


def _read_header(header, request: Request) -> None:
    """MessageID first, so that a fault can relate to it."""
    def get(namespace, local):
        return header.find(tag(namespace, local))

    request.message_id = _text(get(names.A, "MessageID"))
    request.action = _text(get(names.A, "Action"))
    request.resource_uri = _text(get(names.W, "ResourceURI"))
    request.operation_timeout = _text(get(names.W, "OperationTimeout"))
    if not re.match(r"^uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", request.message_id):
        raise Fault(faults.SCHEMA, "MessageID is %r" % request.message_id)
    _need_understood(get(names.A, "Action"), "Action")
    _need_understood(get(names.W, "ResourceURI"), "ResourceURI")
    if not _text(get(names.A, "To")).startswith(("http://", "https://")):
        raise Fault(faults.SCHEMA, "To is no address")
    reply_to = header.find("%s/%s" % (tag(names.A, "ReplyTo"), tag(names.A, "Address")))
    if _text(reply_to) != names.ANONYMOUS:
        raise Fault(faults.SCHEMA, "ReplyTo is not anonymous")
    if request.operation_timeout and not _DURATION.match(request.operation_timeout):
        raise Fault(faults.SCHEMA, "OperationTimeout is %r" % request.operation_timeout)
    locale = get(names.W, "Locale")
    if locale is not None:
        request.locale = locale.get(tag(names.XML, "lang"), "")
        if locale.get(tag(names.S, "mustUnderstand")) in ("true", "1"):
            raise Fault(faults.SCHEMA, "mustUnderstand on Locale")
    envelope = get(names.W, "MaxEnvelopeSize")
    if envelope is not None:
        request.max_envelope = _number(envelope, "MaxEnvelopeSize")
        if request.max_envelope < 8192:
            raise Fault(faults.ENVELOPE_TOO_SMALL, "MaxEnvelopeSize is %d" % request.max_envelope)


def _read_enumerate(element, request: Request) -> None:
    request.optimize = element.find(tag(names.W, "OptimizeEnumeration")) is not None
    most = element.find(tag(names.W, "MaxElements"))
    if most is not None:
        request.max_elements = _number(most, "MaxElements")
    chosen = element.find(tag(names.W, "Filter"))
    if chosen is not None:
        if len(chosen):
            raise Fault(faults.SCHEMA, "elements in the WQL")
        if chosen.get("Dialect") != names.WQL:
            raise Fault(faults.FILTER, "the filter's dialect is %r" % chosen.get("Dialect"))
        request.wql = chosen.text or ""


def _read_pull(element, request: Request) -> None:
    request.context = _text(element.find(tag(names.N, "EnumerationContext")))
    most = element.find(tag(names.N, "MaxElements"))
    if most is not None:
        request.max_elements = _number(most, "MaxElements")


def _read_release(element, request: Request) -> None:
    request.context = _text(element.find(tag(names.N, "EnumerationContext")))


# Element of the body -> kind, action that goes with it, reader.
_OPERATIONS = {
    tag(names.N, "Enumerate"): ("enumerate", names.ENUMERATE, _read_enumerate),
    tag(names.N, "Pull"): ("pull", names.PULL, _read_pull),
    tag(names.N, "Release"): ("release", names.RELEASE, _read_release),
}


def read(body: bytes, request: Request) -> None:
    """Fills request as far as it can be read; Fault when WinRM would refuse it."""
    root, element = _parse(body)
    if element.tag == tag(names.ID, "Identify"):
        request.kind = "identify"
        return
    header = root.find(tag(names.S, "Header"))
    if header is None:
        raise Fault(faults.SCHEMA, "no header")
    _read_header(header, request)
    kind, action, reader = _OPERATIONS.get(element.tag, ("", "", None))
    if not kind:
        raise Fault(faults.ACTION, "%s is no operation known here" % element.tag)
    if request.action != action:
        raise Fault(faults.ACTION, "the action of %s is %r" % (kind, request.action))
    request.kind = kind
    reader(element, request)


_HEAD = (
    "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"%s\" xmlns:a=\"%s\" xmlns:x=\"%s\" xmlns:e=\"%s\""
    " xmlns:n=\"%s\" xmlns:w=\"%s\" xmlns:p=\"%s\">"
) % (names.S, names.A, names.X, names.E, names.N, names.W, names.P)


def new_id() -> str:
    return "uuid:" + str(uuid.uuid4()).upper()


def write(action: str, relates_to: str, content: str) -> bytes:
    """A whole message; without relates_to when the request's id could not be read."""
    relates = "<a:RelatesTo>%s</a:RelatesTo>" % escape(relates_to) if relates_to else ""
    message = (
        "%s<s:Header><a:Action>%s</a:Action><a:MessageID>%s</a:MessageID><a:To>%s</a:To>%s"
        "</s:Header><s:Body>%s</s:Body></s:Envelope>"
    ) % (_HEAD, action, new_id(), names.ANONYMOUS, relates, content)
    return message.encode()


def write_identify(version: str) -> bytes:
    """Without addressing headers, as WinRM answers."""
    message = (
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"%s\"><s:Header/><s:Body><wsmid:IdentifyResponse"
        " xmlns:wsmid=\"%s\"><wsmid:ProtocolVersion>%s</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        "<wsmid:ProductVersion>%s</wsmid:ProductVersion></wsmid:IdentifyResponse></s:Body>"
        "</s:Envelope>"
    ) % (names.S, names.ID, names.W, escape(version))
    return message.encode()
