"""Reads the WQL that the endpoint understands: SELECT a, b FROM Class [WHERE conditions AND/OR]."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"""\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>-?\d+)
    |'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<mark><=|>=|<>|!=|[=<>,*();]))""",
    re.VERBOSE)


class WqlError(Exception):
    """The text is no query that WMI would take."""


@dataclass
class Condition:
    column: str
    operator: str  # = <> < > <= >= null not-null
    value: object = None

    def holds(self, row: dict) -> bool:
        """row has lower-case names. A comparison with null is false, as in WMI."""
        have = row.get(self.column.lower())
        if self.operator == "null":
            return have is None
        if self.operator == "not-null":
            return have is not None
        if have is None:
            return False
        return _compare(have, self.operator, self.value)


@dataclass
class Query:
    columns: list  # empty: *
    class_name: str
    any_of: list = field(default_factory=list)  # of lists of which all hold; empty: no WHERE

    def matches(self, row: dict) -> bool:
        return not self.any_of or any(all(c.holds(row) for c in all_of) for all_of in self.any_of)


def _comparable(have, value):
    if isinstance(have, bool):
        word = str(value).lower()
        return have, word in ("true", "1")
    if isinstance(have, int):
        try:
            return have, int(value)
        except ValueError:
            raise WqlError("a number is compared with a text") from None
    return str(have).lower(), str(value).lower()


def _compare(have, operator: str, value) -> bool:
    left, right = _comparable(have, value)
    return {
        "=": left == right, "<>": left != right, "<": left < right, ">": left > right,
        "<=": left <= right, ">=": left >= right,
    }[operator]


class _Tokens:
    def __init__(self, text: str):
        self.list = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise WqlError("at byte %d: %r" % (at, text[at:at + 20]))
            self.list.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()

    def peek(self):
        return self.list[0] if self.list else (None, None)

    def take(self):
        if not self.list:
            raise WqlError("it ends too early")
        return self.list.pop(0)

    def is_word(self, word: str) -> bool:
        kind, text = self.peek()
        return kind == "word" and text.lower() == word

    def skip_word(self, word: str) -> bool:
        if self.is_word(word):
            self.take()
            return True
        return False

    def need_word(self, word: str) -> None:
        if not self.skip_word(word):
            raise WqlError("%s is missing" % word.upper())

    def name(self) -> str:
        kind, text = self.take()
        if kind != "word":
            raise WqlError("%r is no name" % text)
        return text


def _columns(tokens: _Tokens) -> list:
    if tokens.peek() == ("mark", "*"):
        tokens.take()
        return []
    names = [tokens.name()]
    while tokens.peek() == ("mark", ","):
        tokens.take()
        names.append(tokens.name())
    return names


def _unquoted(kind: str, text: str):
    if kind == "number":
        return int(text)
    if kind in ("single", "double"):
        return re.sub(r"\\(.)", r"\1", text)
    if kind == "word" and text.lower() in ("true", "false"):
        return text.lower()
    if kind == "word" and text.lower() == "null":
        return None
    raise WqlError("%r is no value" % text)


def _condition(tokens: _Tokens) -> Condition:
    column = tokens.name()
    if tokens.skip_word("is"):
        negated = tokens.skip_word("not")
        tokens.need_word("null")
        return Condition(column, "not-null" if negated else "null")
    kind, operator = tokens.take()
    if kind != "mark" or operator not in ("=", "<>", "!=", "<", ">", "<=", ">="):
        raise WqlError("%r is no comparison" % operator)
    operator = "<>" if operator == "!=" else operator
    value = _unquoted(*tokens.take())
    if value is None:
        return Condition(column, {"=": "null", "<>": "not-null"}.get(operator, "null"))
    return Condition(column, operator, value)


def read(text: str) -> Query:
    """The query; WqlError when WMI would refuse it."""
    tokens = _Tokens(text)
    tokens.need_word("select")
    query = Query(_columns(tokens), "")
    tokens.need_word("from")
    query.class_name = tokens.name()
    if tokens.skip_word("where"):
        query.any_of = [[_condition(tokens)]]
        while tokens.peek()[0]:
            if tokens.skip_word("or"):
                query.any_of.append([_condition(tokens)])
            else:
                tokens.need_word("and")
                query.any_of[-1].append(_condition(tokens))
    if tokens.peek()[0]:
        raise WqlError("%r is too much" % (tokens.peek()[1],))
    return query
