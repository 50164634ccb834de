"""Serves a recording of "kmsmon capture": each request gets the answer that it once got."""

import xml.etree.ElementTree as ET

from . import envelope, faults, names
from .envelope import Request
from .faults import Fault
from .names import tag
from .operations import class_of
from .replay import Captured, ReplayError, related

HEAD = b"kmsmon-capture 1\n"


class _Exchange:
    def __init__(self, request: bytes, status: int, content_type: str, answer: bytes):
        self.status = status
        self.content_type = content_type
        self.answer = answer
        self.key = _key(request)


def _key(request: bytes) -> tuple:
    """What makes a request the same: its kind, and its WQL or context; ("",): no operation."""
    try:
        root = ET.fromstring(request)
    except ET.ParseError:
        return ("",)
    for element, kind in ((tag(names.ID, "Identify"), "identify"),
                          (tag(names.N, "Enumerate"), "enumerate"), (tag(names.N, "Pull"), "pull"),
                          (tag(names.N, "Release"), "release")):
        if root.find(".//" + element) is not None:
            return (kind, _words(root.findtext(".//" + tag(names.W, "Filter"))),
                    (root.findtext(".//" + tag(names.N, "EnumerationContext")) or "").strip())
    return ("",)


def _words(wql) -> str:
    return " ".join((wql or "").split())


def read(data: bytes) -> list:
    """The exchanges of a recording; ReplayError with the byte at which it is broken."""
    at = len(HEAD)
    exchanges = []
    while at < len(data):
        line, at = _line(data, at)
        if line.startswith("#"):
            continue
        request, at = _bytes(data, at, line, "request", 1)
        line, at = _line(data, at)
        answer, at = _bytes(data, at, line, "answer", 2)
        words = line.split(" ", 3)
        exchanges.append(_Exchange(request, int(words[1]), words[3], answer))
    return exchanges


def _line(data: bytes, at: int) -> tuple:
    end = data.find(b"\n", at)
    if end < 0:
        raise ReplayError("a line without an end at byte %d" % at)
    return data[at:end].decode(), end + 1


def _bytes(data: bytes, at: int, line: str, word: str, place: int) -> tuple:
    """The bytes after a line that tells how many there are, and where the next line begins."""
    words = line.split(" ", 3)
    if words[0] != word or len(words) < place + 1 or not words[place].isdigit():
        raise ReplayError("no \"%s\" with a length before byte %d" % (word, at))
    end = at + int(words[place])
    if data[end:end + 1] != b"\n":
        raise ReplayError("the %s at byte %d is cut" % (word, at))
    return data[at:end], end + 1


class Recording:
    """The same request again gets the next answer that was recorded for it, the last one for ever."""

    def __init__(self, path: str, verbatim: bool):
        self._verbatim = verbatim
        with open(path, "rb") as file:
            found = read(file.read())
        self._answers = {}
        for exchange in found:
            self._answers.setdefault(exchange.key, []).append(exchange)

    @staticmethod
    def open_contexts() -> int:
        return 0  # nobody counts here: a recording may end early

    @staticmethod
    def labels(request: Request) -> list:
        if request.kind == "enumerate":
            return ["enumerate", "enumerate:" + class_of(request.wql)]
        return [request.kind] if request.kind else []

    def _next(self, key: tuple):
        waiting = self._answers.get(key)
        if not waiting:
            return None
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def identify(self, _authenticated: bool) -> bytes:
        found = self._next(("identify", "", ""))
        if found is None:
            return envelope.write_identify("OS: 0.0.0 SP: 0.0 Stack: 2.0")
        if found.status != 200:
            raise Captured(found.answer, found.status, found.content_type)
        return found.answer

    def answer(self, request: Request, _shape) -> bytes:
        """The recorded answer; Fault when nothing like this was asked."""
        found = self._next((request.kind, _words(request.wql), request.context))
        if found is None:
            raise Fault(faults.FILTER, "this %s was not recorded" % request.kind)
        body = found.answer if self._verbatim else related(found.answer, request)
        if found.status != 200:
            raise Captured(body, found.status, found.content_type)
        return body
