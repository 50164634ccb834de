"""What a script wants to go wrong, where and how often.

A JSON list of {"at": WHERE, "do": ACT or list of ACTs, "times": how often; 1 unless said, 0: always}.

WHERE: request, request:N (the Nth of all), auth (it has an Authorization header), identify, enumerate,
    enumerate:CLASS, pull, pull:N (the Nth of its enumeration), pull:CLASS, pull:CLASS:N, release.
ACT:
    fault:CODE           a fault with the code as f:WSManFault; fault-wmi:CODE as MSFT_WmiError
    status:N             no body; html:N with a page
    redirect:URL         302
    empty, text:TEXT     200 with this body
    huge:BYTES           one text of that size; huge-rows:BYTES as many rows as fit
    gzip-bomb            100 MiB of blanks in 100 KiB; entity-bomb; doctype: the answer behind one
    wrong-relates-to     the answer to something else
    same-context, new-context (usual), no-context, no-items (and not the end), other-namespaces
    content-type:TYPE    the answer under another type
    plain                not encrypted on a sealed connection; tamper: a bit of the ciphertext is wrong
    no-token             the acceptor's token is left out
    cut:N                N bytes of the body, then closed
    cut-each             closed after 0 bytes of the answer, the next time after 1, and so on; once
                         all of it is sent the connection stays open
    close                closed without an answer; close-after: after it
    hang                 no answer, until the client closes; drip: a byte at a time
"""

import json
import threading

ACTS = {
    # instead of the answer
    "fault", "fault-wmi", "status", "html", "redirect", "huge", "huge-rows", "gzip-bomb",
    "entity-bomb", "empty", "text",
    # in the answer
    "doctype", "wrong-relates-to", "same-context", "new-context", "no-context", "no-items",
    "other-namespaces", "content-type", "plain", "tamper", "no-token",
    # in how it is sent
    "cut", "cut-each", "close", "close-after", "hang", "drip",
}


class ScriptError(Exception):
    """The script is wrong; says where."""


class Act:
    """One thing to do: "cut:20" has the name cut and the argument 20."""

    def __init__(self, text: str):
        self.name, _, self.argument = text.partition(":")
        if self.name not in ACTS:
            raise ScriptError("%r is none of %s" % (self.name, ", ".join(sorted(ACTS))))
        self._uses = 0

    def number(self) -> int:
        return int(self.argument)

    def next_use(self) -> int:
        """0, 1, 2, ... at each call."""
        self._uses += 1
        return self._uses - 1


class _Line:
    def __init__(self, line: dict):
        unknown = set(line) - {"at", "do", "times"}
        if unknown:
            raise ScriptError("unknown: %s" % ", ".join(sorted(unknown)))
        self.at = line["at"]
        does = line["do"] if isinstance(line["do"], list) else [line["do"]]
        self.acts = [Act(text) for text in does]
        self.left = int(line.get("times", 1))  # 0: always
        self.always = self.left == 0


class Script:
    """Lines are used up by all connections together."""

    def __init__(self, lines=()):
        try:
            self._lines = [_Line(line) for line in lines]
        except (KeyError, TypeError, ValueError) as error:
            raise ScriptError("a line lacks or misspells %s" % error) from None
        self._lock = threading.Lock()

    def take(self, labels: list) -> list:
        """The acts of all lines that name one of the labels."""
        acts = []
        with self._lock:
            for line in self._lines:
                if line.at in labels and (line.always or line.left > 0):
                    line.left -= 1
                    acts += line.acts
        return acts


def load(path) -> Script:
    """The script of a file: a JSON list of {"at", "do", "times"}; without a file an empty one."""
    if path is None:
        return Script()
    try:
        with open(path, encoding="utf-8") as file:
            return Script(json.load(file))
    except (OSError, ValueError, ScriptError) as error:
        raise ScriptError("%s: %s" % (path, error)) from None
