"""Serves captures byte for byte; only RelatesTo becomes the request's, unless verbatim is wanted."""

import glob
import os
import re
import xml.etree.ElementTree as ET

from . import envelope, faults, names
from .envelope import Request
from .faults import Fault
from .names import tag
from .operations import class_of

_NAME = re.compile(r"-(?P<class>[A-Za-z0-9_]+)_(?P<kind>star|all)_(?P<page>\d{3})\.xml$")
_RELATES = re.compile(rb"(<(?:[A-Za-z]+:)?RelatesTo(?: [^>]*)?>)[^<]*(</)")


class ReplayError(Exception):
    """There are no captures."""


def _paths(start: str) -> list:
    if os.path.isfile(start):
        return [start]
    if os.path.isdir(start):
        return sorted(glob.glob(os.path.join(glob.escape(start), "*.xml")))
    return sorted(glob.glob(glob.escape(start) + "*.xml"))


class Captured(Exception):
    """A capture that is no success."""

    def __init__(self, body: bytes, status=500, content_type=names.CONTENT_TYPE):
        super().__init__("captured status %d" % status)
        self.body = body
        self.status = status
        self.content_type = content_type


def related(body: bytes, request: Request) -> bytes:
    """The capture as an answer to this request."""
    return _RELATES.sub(rb"\g<1>" + request.message_id.encode() + rb"\g<2>", body)


class Replay:
    """start: one capture, which answers everything, or several: pages of enumerations by class."""

    def __init__(self, start: str, verbatim: bool):
        paths = _paths(start)
        if not paths:
            raise ReplayError("no captures at %s" % start)
        self._verbatim = verbatim
        self._single = self._load(paths[0]) if len(paths) == 1 else None
        self._pages = {}
        self._next = {}  # context -> the key of the page it leads to
        self._resource = {}
        for path in paths:
            found = _NAME.search(os.path.basename(path))
            if found:
                key = (found["class"].lower(), found["kind"], int(found["page"]))
                self._pages.setdefault(key, self._load(path))

    @staticmethod
    def _load(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def open_contexts(self) -> int:
        return len(self._next)

    def labels(self, request: Request) -> list:
        if request.kind == "enumerate":
            return ["enumerate", "enumerate:" + class_of(request.wql)]
        if request.kind == "pull" and request.context in self._next:
            name, _, page = self._next[request.context]
            return ["pull", "pull:%d" % page, "pull:" + name, "pull:%s:%d" % (name, page)]
        return [request.kind] if request.kind else []

    def identify(self, _authenticated: bool) -> bytes:
        return envelope.write_identify("OS: 0.0.0 SP: 0.0 Stack: 2.0")

    def answer(self, request: Request, _shape) -> bytes:
        """The capture that fits; Fault when there is none."""
        if request.kind == "release":
            self._take(request)
            return envelope.write(names.N + "/ReleaseResponse", request.message_id, "")
        if self._single is not None and request.kind == "enumerate":
            return self._related(self._single, request)
        key = self._take(request) if request.kind == "pull" else self._first(request)
        body = self._pages.get(key)
        if body is None:
            raise Fault(faults.FILTER, "no capture of %s" % (key,))
        context = _context(body)
        if context:
            self._next[context] = key[:2] + (key[2] + 1,)
            self._resource[context] = request.resource_uri
        return self._related(body, request)

    def _first(self, request: Request) -> tuple:
        if request.resource_uri != names.CIMV2 + "*":
            raise Fault(faults.NOT_FOUND, "the resource is %r" % request.resource_uri)
        kind = "star" if request.wql.split()[1:2] == ["*"] else "all"
        return class_of(request.wql).lower(), kind, 0

    def _take(self, request: Request) -> tuple:
        key = self._next.pop(request.context, None)
        if key is None:
            raise Fault(faults.CONTEXT, "the context is not the newest of an open enumeration")
        if self._resource.pop(request.context) != request.resource_uri:
            raise Fault(faults.PULL_DIFFERS, "ResourceURI is not that of Enumerate")
        return key

    def _related(self, body: bytes, request: Request) -> bytes:
        if not self._verbatim:
            body = related(body, request)
        if b"Fault>" in body:
            raise Captured(body)
        return body


def _context(body: bytes) -> str:
    """The context that a capture hands out; "" at its end."""
    root = ET.fromstring(body)
    if any(root.iter(tag(names.N, "EndOfSequence"))) or any(root.iter(tag(names.W, "EndOfSequence"))):
        return ""
    found = next(root.iter(tag(names.N, "EnumerationContext")), None)
    return (found.text or "").strip() if found is not None else ""
