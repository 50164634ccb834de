"""One connection from its first byte to its last: authentication, operations, scripted mishaps."""

import socket
import time

from . import envelope, faults, http, names, oddities, sealed
from .auth import Authentication
from .faults import Fault
from .http import Answer
from .log import headers_without_secrets
from .operations import Shape
from .replay import Captured


_DRAIN_MAX = 16 << 20


class _Closed(Exception):
    """The script ends the connection."""


class _Exchange:
    """One request on its way to its answer."""

    def __init__(self, request):
        self.http = request
        self.soap = envelope.Request()
        self.acts = []
        self.log = {}
        self.sealed = False

    def act(self, name: str):
        """The last act of that name, or None."""
        found = None
        for act in self.acts:
            if act.name == name:
                found = act
        return found


class Connection:
    def __init__(self, endpoint, sock, number: int, peer_certificate):
        self._endpoint = endpoint
        self._socket = sock
        self._number = number
        self._auth = Authentication(endpoint.methods, peer_certificate)
        self._file = sock.makefile("rb")

    def run(self) -> None:
        """Until the client closes, or the script does."""
        try:
            while self._one():
                pass
        except (_Closed, OSError, ValueError):
            pass  # the client or the script went away

    def _one(self) -> bool:
        try:
            request = http.read_request(
                self._file, lambda: self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"))
        except http.BadRequest as error:
            self._endpoint.log.write({"connection": self._number, "error": str(error),
                                      "status": error.status})
            self._send(oddities.html(error.status))
            self._drain()
            return False
        if request is None:
            return False
        exchange = _Exchange(request)
        answer = self._answer(exchange)
        self._write_log(exchange, answer)
        self._deliver(exchange, answer)
        return request.headers.get("connection", "").lower() != "close"

    def _drain(self) -> None:
        """Reads what the client still sends: closing upon it would take the answer from him."""
        self._socket.shutdown(socket.SHUT_WR)
        left = _DRAIN_MAX
        while left > 0:
            piece = self._file.read1(65536)
            if not piece:
                break
            left -= len(piece)

    # What the answer is.

    def _take_acts(self, exchange: _Exchange, labels: list) -> None:
        exchange.acts += self._endpoint.script.take(labels)

    def _answer(self, exchange: _Exchange) -> Answer:
        request = exchange.http
        number = self._endpoint.next_number()
        exchange.log["request"] = number
        labels = ["request", "request:%d" % number]
        if "authorization" in request.headers:
            labels.append("auth")
        self._take_acts(exchange, labels)
        headers = []
        answer = self._refused_by_http(exchange)
        if answer is None and not self._is_open_identify(exchange):
            verdict = self._auth.check(request)
            self._note_error(exchange, verdict.why)
            answer, headers = verdict.answer, verdict.headers
            if exchange.act("no-token"):
                headers = []
                if answer is not None:
                    answer.headers = [h for h in answer.headers if h[0] != "WWW-Authenticate"]
        if answer is None:
            answer = self._operate(exchange)
            answer.headers = answer.headers + headers
        return self._instead(exchange, answer)

    @staticmethod
    def _note_error(exchange: _Exchange, why: str) -> None:
        if why:
            exchange.log["error"] = why

    def _refused_by_http(self, exchange: _Exchange):
        request = exchange.http
        if request.path.split("?")[0] != "/wsman":
            self._note_error(exchange, "the path is not /wsman")
            return oddities.html(404)
        if request.method != "POST":
            self._note_error(exchange, "the method is not POST")
            return oddities.html(405)
        kind = request.headers.get("content-type", "")
        fits = sealed.is_sealed(kind) if self._sealing_now() else \
            kind.replace(" ", "").lower() == names.CONTENT_TYPE.lower()
        if request.body and not fits and not sealed.is_sealed(kind):
            self._note_error(exchange, "Content-Type is %r" % kind)
            return Answer(500) if self._sealing_now() else oddities.html(415)
        return None

    def _sealing_now(self) -> bool:
        return self._endpoint.seal and self._auth.context is not None

    def _is_open_identify(self, exchange: _Exchange) -> bool:
        """Identify may be asked by anybody who says that he is nobody."""
        said = exchange.http.headers.get("wsmanidentify", "").lower() == "unauthenticated"
        return said and "authorization" not in exchange.http.headers and \
            b"Identify" in exchange.http.body

    def _opened(self, exchange: _Exchange) -> bytes:
        """The body, decrypted if need be; ValueError."""
        if not sealed.is_sealed(exchange.http.headers.get("content-type", "")):
            if self._sealing_now():
                raise ValueError("an unencrypted body where encryption is wanted")
            return exchange.http.body
        if self._auth.context is None:
            raise ValueError("an encrypted body on a connection without a context")
        exchange.sealed = True
        return sealed.read(exchange.http.body, self._auth.context)

    def _operate(self, exchange: _Exchange) -> Answer:
        if not exchange.http.body:
            return Answer(200)  # as the end of an authentication is answered
        try:
            body = self._opened(exchange)
        except ValueError as error:
            self._note_error(exchange, str(error))
            return Answer(400 if exchange.sealed else 500)
        fault = None
        try:
            envelope.read(body, exchange.soap)
        except Fault as caught:
            fault = caught
        self._take_acts(exchange, self._endpoint.service.labels(exchange.soap))
        fault = self._scripted_fault(exchange) or fault
        if fault is None:
            fault, answer = self._try(exchange)
            if fault is None:
                return answer
        self._note_error(exchange, fault.why)
        exchange.log["fault"] = fault.code
        action, content = faults.body(fault)
        return Answer(500, envelope.write(action, exchange.soap.message_id, content),
                      names.CONTENT_TYPE)

    def _scripted_fault(self, exchange: _Exchange):
        for name, shape in (("fault", "wsman"), ("fault-wmi", "wmi")):
            act = exchange.act(name)
            if act:
                return Fault(act.number(), shape=shape)
        return None

    def _try(self, exchange: _Exchange) -> tuple:
        """(None, the answer), or (the fault, None)."""
        try:
            if exchange.soap.kind == "identify":
                known = self._auth.authenticated or bool(self._auth.mechanism)
                body = self._endpoint.service.identify(known)
            else:
                body = self._endpoint.service.answer(exchange.soap, _shape(exchange))
            return None, Answer(200, body, names.CONTENT_TYPE)
        except Fault as fault:
            return fault, None
        except Captured as captured:
            return None, Answer(captured.status, captured.body, captured.content_type)

    def _instead(self, exchange: _Exchange, answer: Answer) -> Answer:
        """The answer as the script wants it."""
        kind, relates_to = exchange.soap.kind, exchange.soap.message_id
        for act in exchange.acts:
            if act.name == "status":
                answer = Answer(act.number())
                if act.number() == 401:
                    answer.headers = [("WWW-Authenticate", o)
                                      for o in self._endpoint.methods.offers()]
            elif act.name == "html":
                answer = oddities.html(act.number())
            elif act.name == "text":
                answer = Answer(200, act.argument.encode(), names.CONTENT_TYPE)
            elif act.name == "empty":
                answer = Answer(200, b"", names.CONTENT_TYPE)
            elif act.name == "redirect":
                answer = Answer(302, headers=[("Location", act.argument)])
            elif act.name == "huge":
                answer = oddities.huge(kind, relates_to, act.number())
            elif act.name == "huge-rows":
                answer = oddities.huge_rows(kind, relates_to, act.number())
            elif act.name == "gzip-bomb":
                answer = oddities.gzip_bomb()
            elif act.name == "entity-bomb":
                answer = oddities.entity_bomb()
            elif act.name == "doctype":
                answer.body = oddities.with_doctype(answer.body)
            elif act.name == "content-type":
                answer.content_type = act.argument
        return self._seal(exchange, answer)

    def _seal(self, exchange: _Exchange, answer: Answer) -> Answer:
        if not exchange.sealed or exchange.act("plain") or answer.status not in (200, 500):
            return answer
        if answer.stream is not None:
            answer.content_type = sealed.CONTENT_TYPE  # nobody gets to its end
            return answer
        if not answer.body:
            return answer
        answer.body = sealed.write(answer.body, self._auth.context)
        answer.content_type = sealed.CONTENT_TYPE
        if exchange.act("tamper"):
            at = len(answer.body) - 40  # in the ciphertext, before the last boundary
            answer.body = answer.body[:at] + bytes([answer.body[at] ^ 1]) + answer.body[at + 1:]
        return answer

    # What becomes of it.

    def _write_log(self, exchange: _Exchange, answer: Answer) -> None:
        soap = exchange.soap
        self._endpoint.log.write(dict(
            exchange.log, connection=self._number, method=exchange.http.method,
            path=exchange.http.path, headers=headers_without_secrets(exchange.http.headers),
            kind=soap.kind, action=soap.action, resource_uri=soap.resource_uri, wql=soap.wql,
            context=soap.context, message_id=soap.message_id, max_elements=soap.max_elements,
            max_envelope=soap.max_envelope, operation_timeout=soap.operation_timeout,
            sealed=exchange.sealed, mechanism=self._auth.mechanism, user=self._auth.user,
            channel_bound=self._auth.channel_bound, status=answer.status,
            answer_length=len(answer.body),
            acts=[act.name for act in exchange.acts]))

    def _deliver(self, exchange: _Exchange, answer: Answer) -> None:
        if exchange.act("hang"):
            while self._file.read1(4096):
                pass
            raise _Closed
        if exchange.act("close"):
            raise _Closed
        cut = exchange.act("cut")
        if cut:
            self._socket.sendall(http.head(answer, self._date()) + answer.body[:cut.number()])
            raise _Closed
        each = exchange.act("cut-each")
        if each:
            whole = http.head(answer, self._date()) + answer.body
            at = each.next_use()
            self._socket.sendall(whole[:at])
            if at < len(whole):
                raise _Closed
        elif exchange.act("drip"):
            whole = http.head(answer, self._date()) + answer.body
            for at in range(len(whole)):
                self._socket.sendall(whole[at:at + 1])
        else:
            self._send(answer)
        if exchange.act("close-after"):
            raise _Closed

    def _date(self) -> float:
        return time.time() + self._endpoint.skew_s

    def _send(self, answer: Answer) -> None:
        if answer.stream is None:
            self._socket.sendall(http.head(answer, self._date()) + answer.body)
            return
        self._socket.sendall(http.head(answer, self._date()))
        for piece in answer.stream:
            self._socket.sendall(piece)


def _shape(exchange: _Exchange) -> Shape:
    return Shape(
        same_context=exchange.act("same-context") is not None,
        no_context=exchange.act("no-context") is not None,
        wrong_relates_to=exchange.act("wrong-relates-to") is not None,
        other_namespaces=exchange.act("other-namespaces") is not None,
        no_items=exchange.act("no-items") is not None)
