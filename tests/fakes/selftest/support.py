"""What the self-tests share: an endpoint that is started and stopped, certificates, requests."""

import http.client
import json
import os
import re
import ssl
import subprocess
import tempfile
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(HERE), "wsman_endpoint")
TYPE = "application/soap+xml;charset=UTF-8"
SEALED = ('multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
          'boundary="Encrypted Boundary"')
CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"
_ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
_ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
SYSTEM = "SELECT Version, LocalDateTime FROM Win32_OperatingSystem"

IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    '<i:Identify xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/>'
    '</s:Body></s:Envelope>').encode()


def envelope(action: str, content: str, resource=CIMV2 + "*", size=153600) -> bytes:
    """A request as a careful client writes it."""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
        ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
        '<a:To>http://kms01.lab.test:5985/wsman</a:To>'
        '<w:ResourceURI s:mustUnderstand="true">%s</w:ResourceURI>'
        '<a:ReplyTo><a:Address s:mustUnderstand="true">%s</a:Address></a:ReplyTo>'
        '<a:Action s:mustUnderstand="true">%s%s</a:Action>'
        '<w:MaxEnvelopeSize s:mustUnderstand="true">%d</w:MaxEnvelopeSize>'
        '<a:MessageID>uuid:%s</a:MessageID><w:OperationTimeout>PT20S</w:OperationTimeout>'
        '</s:Header><s:Body>%s</s:Body></s:Envelope>'
        % (resource, _ANONYMOUS, _ENUMERATION, action, size, uuid.uuid4(), content)).encode()


def enumerate_request(wql: str, most=32000, **more) -> bytes:
    return envelope(
        "Enumerate", '<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>%d</w:MaxElements>'
        '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">%s</w:Filter>'
        '</n:Enumerate>' % (most, wql), **more)


def pull_request(context: str, most=32000, **more) -> bytes:
    return envelope("Pull", '<n:Pull><n:EnumerationContext>%s</n:EnumerationContext>'
                    '<n:MaxElements>%d</n:MaxElements></n:Pull>' % (context, most), **more)


def release_request(context: str) -> bytes:
    return envelope("Release", '<n:Release><n:EnumerationContext>%s</n:EnumerationContext>'
                    '</n:Release>' % context)


def context_of(body: bytes) -> str:
    found = re.search(rb"<n:EnumerationContext>([^<]*)<", body)
    return found[1].decode() if found else ""


def fault_of(body: bytes) -> int:
    found = re.search(rb'WSManFault [^>]*Code="(\d+)"', body)
    return int(found[1]) if found else 0


class Endpoint:
    """A running endpoint, in a folder of its own."""

    def __init__(self, *arguments, host=None, script=None):
        self._folder = tempfile.TemporaryDirectory(prefix="kmsmon-wsman.")
        self._log = os.path.join(self._folder.name, "log.jsonl")
        port_file = os.path.join(self._folder.name, "port")
        argv = [PROGRAM, "--port-file", port_file, "--log", self._log, *arguments]
        for option, value in (("--host", host), ("--script", script)):
            if value is not None:
                path = os.path.join(self._folder.name, option[2:] + ".json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(value, file)
                argv += [option, path]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            self.process.stdout.close()
            self.process.wait()
            self._folder.cleanup()
            raise unittest.SkipTest("python3-gssapi is not installed") \
                if self.process.returncode == 77 else AssertionError("the endpoint did not start")
        with open(port_file, encoding="ascii") as file:
            self.port = int(file.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.stdout.close()
        if self.process.wait() != 0:
            raise AssertionError("the endpoint ended with %d" % self.process.returncode)

    def log(self) -> list:
        """The lines so far."""
        with open(self._log, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def last(self) -> dict:
        return [line for line in self.log() if "request" in line][-1]


class Client:
    """One kept-alive connection without any authentication of its own."""

    def __init__(self, port: int, tls=None, name="localhost"):
        if tls:
            self.connection = http.client.HTTPSConnection(name, port, context=tls, timeout=60)
        else:
            self.connection = http.client.HTTPConnection(name, port, timeout=60)
        self.headers = {}

    def post(self, body: bytes, path="/wsman", **headers):
        """Status, headers and body of the answer."""
        sent = {"Content-Type": TYPE, **self.headers,
                **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.connection.request("POST", path, body, sent)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def rows(self, wql: str, **more) -> tuple:
        """How many items and how many answers it took."""
        status, _, body = self.post(enumerate_request(wql, **more))
        count, answers = body.count(b"<w:XmlFragment"), 1
        while status == 200 and b"EndOfSequence" not in body:
            status, _, body = self.post(pull_request(context_of(body), **more))
            count, answers = count + body.count(b"<w:XmlFragment"), answers + 1
        assert status == 200, body
        return count, answers

    def close(self) -> None:
        self.connection.close()


class Certificates:
    """A self-signed one of localhost, and a client's."""

    def __init__(self, digest="sha256"):
        self._folder = tempfile.TemporaryDirectory(prefix="kmsmon-wsman.")
        self.certificate, self.key = self._make("server", "localhost", digest)
        self.client_certificate, self.client_key = self._make("client", "monitor", digest)

    def _make(self, name: str, subject: str, digest: str) -> tuple:
        certificate = os.path.join(self._folder.name, name + ".pem")
        key = os.path.join(self._folder.name, name + ".key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-" + digest, "-days", "2",
             "-subj", "/CN=" + subject, "-addext", "subjectAltName=DNS:" + subject,
             "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return certificate, key

    def trust(self, with_client=False) -> ssl.SSLContext:
        tls = ssl.create_default_context(cafile=self.certificate)
        if with_client:
            tls.load_cert_chain(self.client_certificate, self.client_key)
        return tls

    def close(self) -> None:
        self._folder.cleanup()
