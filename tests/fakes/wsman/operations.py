"""Answers Identify, Enumerate, Pull and Release, and keeps the contexts of open enumerations."""

import threading
from dataclasses import dataclass

from . import envelope, faults, names
from .envelope import Request
from .faults import Fault

WINRM_PAGE_BYTES = 75600  # what captures of 2008 R2 show for an envelope of 153600


@dataclass
class Shape:
    """How an answer differs from the usual one, as a script wants it."""

    same_context: bool = False
    no_context: bool = False
    wrong_relates_to: bool = False
    other_namespaces: bool = False  # n:Items in EnumerateResponse, w:Items in PullResponse
    no_items: bool = False  # an empty page that is not the last


@dataclass
class _Enumeration:
    items: list
    resource_uri: str
    class_name: str
    locale: str
    pulls: int = 0


class Service:
    """One host's operations; shared by all connections."""

    def __init__(self, host, page: str):
        self.host = host
        self.page = page  # "winrm", or a number of items; "0": as many as fit
        self._open = {}
        self._lock = threading.Lock()

    def open_contexts(self) -> int:
        return len(self._open)

    def labels(self, request: Request) -> list:
        """What a script may call this request; counts a Pull."""
        if request.kind == "enumerate":
            return ["enumerate", "enumerate:" + class_of(request.wql)]
        if request.kind == "pull":
            with self._lock:
                found = self._open.get(request.context)
                if found is None:
                    return ["pull"]
                found.pulls += 1
                return ["pull", "pull:%d" % found.pulls, "pull:" + found.class_name,
                        "pull:%s:%d" % (found.class_name, found.pulls)]
        return [request.kind] if request.kind else []

    def identify(self, authenticated: bool) -> bytes:
        """The version is withheld from whoever did not say who he is."""
        hidden = "OS: 0.0.0 SP: 0.0 Stack: " + self.host.stack()
        return envelope.write_identify(self.host.product_version() if authenticated else hidden)

    def answer(self, request: Request, shape: Shape) -> bytes:
        """The answer's envelope; Fault when WinRM would refuse."""
        action, content = {
            "enumerate": self._enumerate, "pull": self._pull, "release": self._release,
        }[request.kind](request, shape)
        relates_to = envelope.new_id() if shape.wrong_relates_to else request.message_id
        return envelope.write(action, relates_to, content)

    def _items(self, request: Request) -> list:
        if not request.resource_uri.startswith(names.CIMV2):
            raise Fault(faults.NOT_FOUND, "the resource is %r" % request.resource_uri)
        class_name = request.resource_uri[len(names.CIMV2):]
        if class_name == "*":
            if not request.wql:
                raise Fault(faults.FILTER, "no WQL")
            return self.host.items(request.wql)
        if request.wql:
            raise Fault(faults.WQL_ON_CLASS, "WQL on the URI of a class")
        return self.host.items("SELECT * FROM " + class_name)

    def _take(self, items: list, request: Request, first: bool) -> list:
        """Removes a page from items."""
        most = request.max_elements or len(items)
        size_max = request.max_envelope // 2
        if self.page == "winrm":
            most = 1 if first else most
            size_max = min(size_max, WINRM_PAGE_BYTES)
        elif int(self.page):
            most = min(most, int(self.page))
        count, size = 0, 0
        while count < len(items) and count < most:
            size += len(items[count])
            if count and size > size_max:
                break
            count += 1
        if size > request.max_envelope and count == 1:
            raise Fault(2150858790, "one item is larger than MaxEnvelopeSize")
        page = items[:count]
        del items[:count]
        return page

    def _keep(self, context: str, enumeration: _Enumeration) -> None:
        with self._lock:
            self._open[context] = enumeration

    def _enumerate(self, request: Request, shape: Shape):
        items = list(self._items(request))
        page = []
        if request.optimize and not shape.no_items:
            page = self._take(items, request, True)
        ended = not items and request.optimize and not shape.no_items
        context = ""
        if not ended:
            context = envelope.new_id()
            self._keep(context, _Enumeration(items, request.resource_uri, class_of(request.wql),
                                             request.locale))
        return (names.N + "/EnumerateResponse",
                _page("n:EnumerateResponse", "n" if shape.other_namespaces else "w",
                      "" if shape.no_context else context, page, ended, request.optimize))

    def _found(self, request: Request) -> _Enumeration:
        """The open enumeration, taken out; only the newest context of one is known."""
        with self._lock:
            found = self._open.pop(request.context, None)
        if found is None:
            raise Fault(faults.CONTEXT, "the context is not the newest of an open enumeration")
        return found

    def _pull(self, request: Request, shape: Shape):
        found = self._found(request)
        if found.resource_uri != request.resource_uri or found.locale != request.locale:
            raise Fault(faults.PULL_DIFFERS, "ResourceURI or Locale is not that of Enumerate")
        page = [] if shape.no_items else self._take(found.items, request, False)
        ended = not found.items and not shape.no_items
        context = ""
        if not ended:
            context = request.context if shape.same_context else envelope.new_id()
            self._keep(context, found)
        return (names.N + "/PullResponse",
                _page("n:PullResponse", "w" if shape.other_namespaces else "n",
                      "" if shape.no_context else context, page, ended, True))

    def _release(self, request: Request, _shape: Shape):
        self._found(request)
        return names.N + "/ReleaseResponse", ""


def _page(element: str, prefix: str, context: str, items: list, ended: bool, shown: bool) -> str:
    parts = ["<%s>" % element]
    if context or element == "n:EnumerateResponse":
        parts.append("<n:EnumerationContext>%s</n:EnumerationContext>" % context)
    if shown:
        parts.append("<%s:Items>%s</%s:Items>" % (prefix, "".join(items), prefix))
    if ended:
        parts.append("<%s:EndOfSequence/>" % prefix)
    parts.append("</%s>" % element)
    return "".join(parts)


def class_of(wql: str) -> str:
    """The class of a query, without reading the rest of it."""
    words = wql.split()
    lower = [word.lower() for word in words]
    at = lower.index("from") + 1 if "from" in lower else len(words)
    return words[at] if at < len(words) else ""
