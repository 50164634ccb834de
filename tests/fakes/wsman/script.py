"""What a script wants to go wrong, where and how often."""

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
    "cut", "close", "close-after", "hang", "drip",
}


class ScriptError(Exception):
    """The script is wrong; says where."""


class Act:
    """One thing to do: "cut:20" has the name cut and the argument 20."""

    def __init__(self, text: str):
        self.name, _, self.argument = text.partition(":")
        if self.name not in ACTS:
            raise ScriptError("%r is none of %s" % (self.name, ", ".join(sorted(ACTS))))

    def number(self) -> int:
        return int(self.argument)


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
