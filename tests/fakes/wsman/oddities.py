"""Answers that no host should give: huge, poisoned, not XML at all."""

import zlib

from . import names
from .http import Answer

PIECE = 65536
_ROW = "<w:XmlFragment><Name>row</Name></w:XmlFragment>"


def _around(kind: str, relates_to: str) -> tuple:
    """An answer up to its first item, and from behind its last one."""
    element = "PullResponse" if kind == "pull" else "EnumerateResponse"
    items = "n:Items" if kind == "pull" else "w:Items"
    before = (
        "<s:Envelope xmlns:s=\"%s\" xmlns:a=\"%s\" xmlns:n=\"%s\" xmlns:w=\"%s\"><s:Header>"
        "<a:Action>%s/%s</a:Action><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body><n:%s>"
        "<n:EnumerationContext/><%s>"
    ) % (names.S, names.A, names.N, names.W, names.N, element, relates_to, element, items)
    after = "</%s><%s:EndOfSequence/></n:%s></s:Body></s:Envelope>" % (items, items[0], element)
    return before.encode(), after.encode()


def _repeat(before: bytes, piece: bytes, count: int, after: bytes):
    yield before
    block = max(1, PIECE // len(piece))
    while count > 0:
        yield piece * min(block, count)
        count -= block
    yield after


def _streamed(before: bytes, piece: bytes, size: int, after: bytes) -> Answer:
    count = max(0, size - len(before) - len(after)) // len(piece)
    return Answer(content_type=names.CONTENT_TYPE,
                  stream=_repeat(before, piece, count, after),
                  stream_length=len(before) + len(piece) * count + len(after))


def huge(kind: str, relates_to: str, size: int) -> Answer:
    """Well-formed, with one text of so many bytes."""
    before, after = _around(kind, relates_to)
    return _streamed(before + b"<w:XmlFragment><Name>", b"x", size, b"</Name></w:XmlFragment>" + after)


def huge_rows(kind: str, relates_to: str, size: int) -> Answer:
    """Well-formed, with as many rows as fit into so many bytes."""
    before, after = _around(kind, relates_to)
    return _streamed(before, _ROW.encode(), size, after)


_bomb = []


def gzip_bomb() -> Answer:
    """100 MiB of blanks, compressed, which nobody asked for."""
    if not _bomb:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = [packer.compress(b" " * PIECE) for _ in range(1600)]
        _bomb.append(b"".join(packed) + packer.flush())
    return Answer(body=_bomb[0], content_type=names.CONTENT_TYPE,
                  headers=[("Content-Encoding", "gzip")])


def entity_bomb() -> Answer:
    """Entities that double thirty times."""
    lines = ["<!ENTITY a0 \"aaaaaaaaaaaaaaaa\">"]
    lines += ["<!ENTITY a%d \"&a%d;&a%d;\">" % (i, i - 1, i - 1) for i in range(1, 31)]
    text = "<?xml version=\"1.0\"?><!DOCTYPE s:Envelope [%s]><s:Envelope xmlns:s=\"%s\"><s:Body>&a30;" \
           "</s:Body></s:Envelope>" % ("".join(lines), names.S)
    return Answer(body=text.encode(), content_type=names.CONTENT_TYPE)


def html(status: int) -> Answer:
    text = ("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">"
            "\r\n<HTML><HEAD><TITLE>Error %d</TITLE></HEAD><BODY><h2>Error %d</h2><hr></BODY></HTML>\r\n"
            % (status, status))
    return Answer(status, text.encode(), "text/html; charset=us-ascii")


def with_doctype(body: bytes) -> bytes:
    """The same message behind a document type that declares nothing."""
    return b"<?xml version=\"1.0\"?><!DOCTYPE s:Envelope SYSTEM \"nothing.dtd\">" + body
