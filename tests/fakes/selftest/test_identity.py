"""Who the endpoint lets in: Basic, certificates, Kerberos and NTLM, channel binding, encryption.

Runs under tests/integration/with_kdc, which makes the realm.
"""

import base64
import hashlib
import os
import shutil
import ssl
import struct
import subprocess
import tempfile
import unittest

try:
    import gssapi
    import gssapi.raw
except ImportError:
    raise unittest.SkipTest("python3-gssapi is not installed") from None

from support import (IDENTIFY, SEALED, SYSTEM, TYPE, Certificates, Client, Endpoint,
                     enumerate_request)

KDC = os.environ.get("KMS_TEST_KDC") or ""
PASSWORD = "Winter in the lab 7"
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
MECHANISMS = {"Kerberos": gssapi.OID.from_int_seq("1.2.840.113554.1.2.2"),
              "NTLM": gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")}
USERS = {"Kerberos": "monitor@LAB.TEST", "NTLM": "LAB\\monitor"}
FLAGS = (gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.replay_detection
         | gssapi.RequirementFlag.out_of_sequence_detection | gssapi.RequirementFlag.integrity
         | gssapi.RequirementFlag.confidentiality)


def credentials(mechanism: str, password: str):
    name = gssapi.Name(USERS[mechanism], gssapi.NameType.user)
    found = gssapi.raw.acquire_cred_with_password(name, password.encode(), mechs=[SPNEGO],
                                                  usage="initiate")
    gssapi.raw.set_neg_mechs(found.creds, [MECHANISMS[mechanism]])
    return gssapi.Credentials(found.creds)


def binding(endpoint_name: bytes):
    return gssapi.raw.ChannelBindings(application_data=endpoint_name)


class Gss:
    """A client with a context of its own on one connection."""

    def __init__(self, client: Client, mechanism: str, password=PASSWORD, bound_to=None):
        self.client = client
        self.mechanism = mechanism
        self.context = gssapi.SecurityContext(
            name=gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service),
            creds=credentials(mechanism, password), usage="initiate", mech=SPNEGO, flags=FLAGS,
            channel_bindings=bound_to)

    def authenticate(self) -> int:
        """The last status."""
        token = self.context.step()
        for _ in range(5):
            said = "Negotiate " + base64.b64encode(token).decode()
            status, headers, _ = self.client.post(b"", Authorization=said)
            answers = [value[10:] for value in headers.get_all("WWW-Authenticate") or []
                       if value.startswith("Negotiate ")]
            if not answers:
                return status
            token = self.context.step(base64.b64decode(answers[0]))
            if status == 200:
                return status if self.context.complete else 0
        return 0

    def seal(self, plain: bytes) -> bytes:
        token = self.context.wrap(plain, True).message
        size = 60 if self.mechanism == "Kerberos" else 16
        return (
            b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            b"\tOriginalContent: type=%s;Length=%d\r\n--Encrypted Boundary\r\n"
            b"\tContent-Type: application/octet-stream\r\n%s%s--Encrypted Boundary--\r\n"
            % (TYPE.encode(), len(plain), struct.pack("<I", size), token))

    def open(self, body: bytes) -> bytes:
        mark = b"application/octet-stream\r\n"
        token = body[body.index(mark) + len(mark) + 4:-len(b"--Encrypted Boundary--\r\n")]
        result = self.context.unwrap(token)
        assert result.encrypted
        assert b"Length=%d\r\n" % len(result.message) in body
        return result.message


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not KDC:
            raise unittest.SkipTest("not run under tests/integration/with_kdc")
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.close)
        cls.folder = tempfile.TemporaryDirectory(prefix="kmsmon-wsman.")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.ntlm_users = os.path.join(cls.folder.name, "ntlm")
        with open(cls.ntlm_users, "w", encoding="utf-8") as file:
            file.write("LAB:monitor:%s\n" % PASSWORD)
        cls.tls = ("--tls", cls.certificates.certificate, cls.certificates.key)
        cls.negotiate = ("--auth", "negotiate", "--keytab", os.path.join(KDC, "http.keytab"),
                         "--ntlm-users", cls.ntlm_users)
        with open(cls.certificates.certificate, encoding="ascii") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        cls.right = b"tls-server-end-point:" + hashlib.sha256(der).digest()

    def client(self, endpoint, **more):
        client = Client(endpoint.port, **more)
        self.addCleanup(client.close)
        return client


class Simple(Identity):
    def test_basic(self):
        with Endpoint(*self.tls, "--auth", "basic:monitor:a b") as endpoint:
            client = self.client(endpoint, tls=self.certificates.trust())
            status, headers, _ = client.post(enumerate_request(SYSTEM))
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, 'Basic realm="WSMAN"'))
            for said, wanted in ((b"monitor:a b", 200), (b"monitor:ab", 401), (b"monitor", 401)):
                said = "Basic " + base64.b64encode(said).decode()
                self.assertEqual(client.post(enumerate_request(SYSTEM), Authorization=said)[0], wanted)
            self.assertEqual(endpoint.last()["headers"]["authorization"], "Basic")
            self.assertNotIn(said[6:], str(endpoint.log()))

    def test_what_is_offered_and_to_whom_identify_answers(self):
        with Endpoint(*self.tls, *self.negotiate, "--auth", "basic:a:b") as endpoint:
            client = self.client(endpoint, tls=self.certificates.trust())
            _, headers, _ = client.post(b"")
            self.assertEqual(headers.get_all("WWW-Authenticate"),
                             ["Negotiate", "Kerberos", 'Basic realm="WSMAN"'])
            self.assertEqual(client.post(IDENTIFY)[0], 401)
            status, _, body = client.post(IDENTIFY, WSMANIDENTIFY="unauthenticated")
            self.assertEqual(status, 200)
            self.assertIn(b"OS: 0.0.0 ", body)
            self.assertEqual(client.post(enumerate_request(SYSTEM),
                                         WSMANIDENTIFY="unauthenticated")[0], 401)

    def test_client_certificates(self):
        with Endpoint(*self.tls, "--auth", "certificate",
                      "--client-ca", self.certificates.client_certificate) as endpoint:
            client = self.client(endpoint, tls=self.certificates.trust(with_client=True))
            self.assertEqual(client.post(enumerate_request(SYSTEM), Authorization=MUTUAL)[0], 200)
            self.assertEqual(client.post(enumerate_request(SYSTEM))[0], 401)
            client = self.client(endpoint, tls=self.certificates.trust())
            self.assertEqual(client.post(enumerate_request(SYSTEM), Authorization=MUTUAL)[0], 401)

    def test_old_tls(self):
        with Endpoint(*self.tls, "--tls-version", "1.1") as endpoint:
            with self.assertRaises(ssl.SSLError):
                self.client(endpoint, tls=self.certificates.trust()).post(IDENTIFY)


class Negotiate(Identity):
    def attempt(self, endpoint, mechanism, **more):
        """Status of a query after the handshake, on the same connection, without a header."""
        client = self.client(endpoint, tls=self.certificates.trust())
        if Gss(client, mechanism, **more).authenticate() != 200:
            return 401
        return client.post(enumerate_request(SYSTEM))[0]

    def test_channel_binding(self):
        wrong = self.right[:-1] + bytes([self.right[-1] ^ 1])
        for level, wanted in (("ignore", (200, 200, 200)), ("relaxed", (200, 401, 200)),
                              ("strict", (200, 401, 401))):
            with Endpoint(*self.tls, *self.negotiate, "--binding", level) as endpoint:
                for mechanism in MECHANISMS:
                    with self.subTest(level=level, mechanism=mechanism):
                        self.assertEqual(
                            (self.attempt(endpoint, mechanism, bound_to=binding(self.right)),
                             self.attempt(endpoint, mechanism, bound_to=binding(wrong)),
                             self.attempt(endpoint, mechanism)), wanted)
                        done = [line for line in endpoint.log() if line.get("kind") == "enumerate"]
                        self.assertEqual(done[-1]["mechanism"], mechanism)
                        self.assertEqual(done[-1]["user"].upper(), USERS[mechanism].upper())
                        bound = any(line["channel_bound"] for line in done
                                    if line["mechanism"] == mechanism)
                        self.assertEqual(bound, level != "ignore")

    def test_the_binding_is_by_the_hash_of_the_signature(self):
        longer = Certificates("sha384")
        self.addCleanup(longer.close)
        with open(longer.certificate, encoding="ascii") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        with Endpoint("--tls", longer.certificate, longer.key, *self.negotiate,
                      "--binding", "strict") as endpoint:
            for digest, wanted in ((hashlib.sha384, 200), (hashlib.sha256, 401)):
                client = self.client(endpoint, tls=longer.trust())
                end_point = b"tls-server-end-point:" + digest(der).digest()
                self.assertEqual(Gss(client, "NTLM", bound_to=binding(end_point)).authenticate(),
                                 wanted)

    def test_a_wrong_password(self):
        with Endpoint(*self.tls, *self.negotiate) as endpoint:
            self.assertEqual(self.attempt(endpoint, "NTLM", password="Summer"), 401)
            self.assertTrue(endpoint.last()["error"])
            with self.assertRaises(gssapi.exceptions.GSSError):
                self.attempt(endpoint, "Kerberos", password="Summer")

    def test_the_scheme_kerberos_takes_bare_tokens(self):
        with Endpoint(*self.tls, *self.negotiate) as endpoint:
            client = self.client(endpoint, tls=self.certificates.trust())
            context = gssapi.SecurityContext(
                name=gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service),
                creds=gssapi.Credentials(
                    usage="initiate",
                    store={"ccache": "FILE:" + os.path.join(KDC, "user.ccache")}),
                mech=MECHANISMS["Kerberos"], flags=FLAGS, usage="initiate")
            said = "Kerberos " + base64.b64encode(context.step()).decode()
            status, headers, _ = client.post(enumerate_request(SYSTEM), Authorization=said)
            self.assertEqual(status, 200)
            context.step(base64.b64decode(headers["WWW-Authenticate"].split(" ")[1]))
            self.assertTrue(context.complete)

    def test_authentication_is_of_the_connection(self):
        with Endpoint(*self.tls, *self.negotiate) as endpoint:
            self.assertEqual(self.attempt(endpoint, "Kerberos"), 200)
            other = self.client(endpoint, tls=self.certificates.trust())
            self.assertEqual(other.post(enumerate_request(SYSTEM))[0], 401)

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        request = os.path.join(self.folder.name, "request.xml")
        with open(request, "wb") as file:
            file.write(enumerate_request(SYSTEM))
        wrong = os.path.join(self.folder.name, "wrong")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write("LAB:monitor:Summer\n")
        ccache = {"KRB5CCNAME": "FILE:" + os.path.join(KDC, "user.ccache")}
        for extra, status, mechanism in ((ccache, 200, "Kerberos"),
                                         ({"NTLM_USER_FILE": self.ntlm_users}, 200, "NTLM"),
                                         ({"NTLM_USER_FILE": wrong}, 401, "")):
            with Endpoint(*self.tls, *self.negotiate) as endpoint:
                done = subprocess.run(
                    ["curl", "-sS", "-o", "-", "-w", "%{http_code}", "--cacert",
                     self.certificates.certificate, "--negotiate", "-u", ":", "-H",
                     "Content-Type: " + TYPE, "--data-binary", "@" + request,
                     "https://localhost:%d/wsman" % endpoint.port],
                    env={**os.environ, **extra}, capture_output=True, text=True, check=False)
                self.assertEqual(done.stdout[-3:], str(status), done.stderr)
                self.assertEqual(endpoint.last()["mechanism"], mechanism)
                self.assertEqual("EndOfSequence" in done.stdout, status == 200)


class Sealed(Identity):
    def sealed(self, endpoint, mechanism):
        client = self.client(endpoint)
        gss = Gss(client, mechanism)
        self.assertEqual(gss.authenticate(), 200)
        return client, gss

    def test_messages_are_encrypted_both_ways(self):
        for mechanism in MECHANISMS:
            with self.subTest(mechanism), Endpoint(*self.negotiate, "--seal") as endpoint:
                client, gss = self.sealed(endpoint, mechanism)
                for body in (enumerate_request(SYSTEM), enumerate_request("SELECT Nothing"), IDENTIFY):
                    status, headers, answer = client.post(gss.seal(body), Content_Type=SEALED)
                    self.assertEqual(headers["Content-Type"], SEALED)
                    self.assertNotIn(b"Envelope", answer)
                    plain = gss.open(answer)
                    self.assertIn(b"</s:Envelope>", plain)
                    self.assertEqual(status, 500 if b"s:Fault" in plain else 200)
                self.assertTrue(endpoint.last()["sealed"])

    def test_large_messages(self):
        host = {"synthetic": "made by the self-test", "version": "6.3",
                "products": [{"ID": "x", "Name": "y" * 2000, "repeat": 100}]}
        for mechanism in MECHANISMS:
            with Endpoint(*self.negotiate, "--seal", "--page", "0", host=host) as endpoint:
                client, gss = self.sealed(endpoint, mechanism)
                body = enumerate_request("SELECT Name FROM SoftwareLicensingProduct", size=512000)
                _, _, answer = client.post(gss.seal(body + b" " * 150000), Content_Type=SEALED)
                self.assertEqual(gss.open(answer).count(b"<Name>"), 100)

    def test_what_is_not_encrypted_is_refused(self):
        with Endpoint(*self.negotiate, "--seal") as endpoint:
            client, gss = self.sealed(endpoint, "Kerberos")
            self.assertEqual(client.post(enumerate_request(SYSTEM))[0], 500)
            other, _ = self.sealed(endpoint, "NTLM")
            body = gss.seal(enumerate_request(SYSTEM))
            self.assertEqual(other.post(body, Content_Type=SEALED)[0], 400)
            damaged = body.replace(b";Length=", b";Length=1")
            self.assertEqual(client.post(damaged, Content_Type=SEALED)[0], 400)
            nobody = self.client(endpoint)
            self.assertEqual(nobody.post(body, Content_Type=SEALED)[0], 401)

    def test_scripted_breaches(self):
        script = [{"at": "request:2", "do": "plain"}, {"at": "request:3", "do": "tamper"}]
        with Endpoint(*self.negotiate, "--seal", script=script) as endpoint:
            client, gss = self.sealed(endpoint, "Kerberos")
            _, headers, answer = client.post(gss.seal(IDENTIFY), Content_Type=SEALED)
            self.assertEqual(headers["Content-Type"], TYPE)
            self.assertIn(b"Envelope", answer)
            _, _, answer = client.post(gss.seal(IDENTIFY), Content_Type=SEALED)
            with self.assertRaises(gssapi.exceptions.GSSError):
                gss.open(answer)


if __name__ == "__main__":
    unittest.main()
