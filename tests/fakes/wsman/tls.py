"""The endpoint's TLS, and the channel binding that its certificate stands for (RFC 5929 4.1)."""

import hashlib
import ssl

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3,
}
_SHA384 = (bytes.fromhex("2a864886f70d01010c"), bytes.fromhex("2a8648ce3d040303"),
           bytes.fromhex("608648016503040202"))
_SHA512 = (bytes.fromhex("2a864886f70d01010d"), bytes.fromhex("2a8648ce3d040304"),
           bytes.fromhex("608648016503040203"))


def context(certificate: str, key: str, client_ca, only_version):
    """client_ca: who may sign clients' certificates; only_version: "1.1" speaks no other."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    if only_version:
        if only_version in ("1.0", "1.1"):
            tls.set_ciphers("ALL:@SECLEVEL=0")
        tls.minimum_version = tls.maximum_version = _VERSIONS[only_version]
    if client_ca:
        tls.verify_mode = ssl.CERT_OPTIONAL
        tls.load_verify_locations(client_ca)
    return tls


def _element(der: bytes, at: int) -> tuple:
    """Where the content of a DER element begins and ends."""
    first = der[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    count = first & 0x7F
    begin = at + 2 + count
    return begin, begin + int.from_bytes(der[at + 2:begin], "big")


def _signature_algorithm(der: bytes) -> bytes:
    """The second element of the certificate's sequence."""
    begin, _ = _element(der, 0)
    _, end = _element(der, begin)
    begin, after = _element(der, end)
    return der[begin:after]


def end_point(certificate: str) -> bytes:
    """tls-server-end-point of a PEM certificate: its hash by its signature's hash, SHA-256 at least."""
    with open(certificate, encoding="ascii") as file:
        text = file.read()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = text[text.index(begin):text.index(end) + len(end)]
    der = ssl.PEM_cert_to_DER_cert(first)
    algorithm = _signature_algorithm(der)
    digest = hashlib.sha256
    if any(oid in algorithm for oid in _SHA384):
        digest = hashlib.sha384
    elif any(oid in algorithm for oid in _SHA512):
        digest = hashlib.sha512
    return b"tls-server-end-point:" + digest(der).digest()
