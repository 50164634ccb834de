"""The frame of encrypted messages over plain HTTP, multipart/encrypted (specification wsman 3.4)."""

import re
import struct

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE = 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % PROTOCOL
_INNER = "application/soap+xml;charset=UTF-8"

_FRAME = re.compile(
    rb"^--Encrypted Boundary\r\n[ \t]*Content-Type: (?P<protocol>[^\r\n]+)\r\n"
    rb"[ \t]*OriginalContent: type=(?P<type>[^\r\n]+);Length=(?P<length>\d+)\r\n"
    rb"--Encrypted Boundary\r\n[ \t]*Content-Type: application/octet-stream\r\n")
_END = b"--Encrypted Boundary--\r\n"


def is_sealed(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/encrypted")


def read(body: bytes, context) -> bytes:
    """The plain message; ValueError with what is wrong."""
    found = _FRAME.match(body)
    if not found or not body.endswith(_END):
        raise ValueError("the frame of the encrypted body is wrong")
    if found["protocol"].decode() != PROTOCOL:
        raise ValueError("the protocol of the encrypted body is %r" % found["protocol"])
    payload = body[found.end():-len(_END)]
    if len(payload) < 4:
        raise ValueError("the encrypted body has no security header")
    header_length = struct.unpack("<I", payload[:4])[0]
    if header_length > len(payload) - 4 or header_length == 0:
        raise ValueError("the security header has %d bytes" % header_length)
    plain = context.unwrap(payload[4:])
    if len(plain) != int(found["length"]):
        raise ValueError("%d bytes instead of Length=%s" % (len(plain), found["length"].decode()))
    return plain


def write(plain: bytes, context) -> bytes:
    """The frame around a message that the context seals."""
    header, ciphertext, padding = context.wrap(plain)
    return (
        "--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=%s;Length=%d\r\n"
        "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        % (PROTOCOL, _INNER, len(plain) + padding)
    ).encode() + struct.pack("<I", len(header)) + header + ciphertext + _END
