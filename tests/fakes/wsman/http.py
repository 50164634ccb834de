"""HTTP/1.1 on one connection: reads a request, writes an answer."""

from dataclasses import dataclass, field
from email.utils import formatdate

BODY_MAX = 512000
HEAD_MAX = 65536
REASONS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 411: "Length Required", 413: "Payload Too Large",
    415: "Unsupported Media Type", 500: "Internal Server Error", 503: "Service Unavailable",
}


@dataclass
class HttpRequest:
    method: str
    path: str
    headers: dict  # lower-case name -> value
    body: bytes = b""


class BadRequest(Exception):
    """Cannot be read; the connection ends after an answer with this status."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: list = field(default_factory=list)  # of (name, value)
    stream: object = None  # an iterator of bytes instead of body
    stream_length: int = 0


def _read_head(file) -> list:
    lines, size = [], 0
    while True:
        line = file.readline(HEAD_MAX)
        size += len(line)
        if size >= HEAD_MAX:
            raise BadRequest(400, "the head is too long")
        if not line:
            return [] if not lines else _ended()
        line = line.rstrip(b"\r\n")
        if line:
            lines.append(line.decode("latin-1"))
        elif lines:
            return lines


def _ended():
    raise BadRequest(400, "the request ends in its head")


def _length(headers: dict) -> int:
    if "transfer-encoding" in headers or "content-length" not in headers:
        raise BadRequest(411, "no Content-Length")
    text = headers["content-length"]
    if not text.isdigit():
        raise BadRequest(400, "Content-Length is %r" % text)
    if int(text) > BODY_MAX:
        raise BadRequest(413, "a body of %s bytes" % text)
    return int(text)


def read_request(file, send_continue):
    """The next request, None when the client closed between two; BadRequest."""
    lines = _read_head(file)
    if not lines:
        return None
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "the request line is %r" % lines[0][:80])
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(400, "a header line without a colon")
        headers[name.strip().lower()] = value.strip()
    request = HttpRequest(words[0], words[1], headers)
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return request
    length = _length(headers)
    if headers.get("expect", "").lower() == "100-continue":
        send_continue()
    request.body = file.read(length)
    if len(request.body) != length:
        raise BadRequest(400, "the request ends in its body")
    return request


def head(answer: Answer, date_s: float) -> bytes:
    """Status line and headers as http.sys writes them."""
    length = answer.stream_length if answer.stream is not None else len(answer.body)
    lines = ["HTTP/1.1 %d %s" % (answer.status, REASONS.get(answer.status, "Unnamed"))]
    if answer.content_type:
        lines.append("Content-Type: " + answer.content_type)
    lines.append("Server: Microsoft-HTTPAPI/2.0")
    lines += ["%s: %s" % pair for pair in answer.headers]
    lines.append("Date: " + formatdate(date_s, usegmt=True))
    lines.append("Content-Length: %d" % length)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
