"""python3-winrm, which is not ours, reads a host from the endpoint: Basic, certificate, NTLM, sealed NTLM.

Its NTLM needs MD4, which OpenSSL 3 has in its legacy provider: OPENSSL_CONF loads it.
"""

import os
import tempfile
import unittest
import warnings

try:
    from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
    from winrm.transport import Transport
except ImportError:
    raise unittest.SkipTest("python3-winrm is not installed") from None

from support import Certificates, Endpoint, context_of, enumerate_request, pull_request

PASSWORD = "Winter in the lab 7"
HOST = {"synthetic": "made by the self-test", "version": "10.0",
        "system": {"Version": "10.0.20348", "LocalDateTime": "@now"},
        "products": [{"ID": "11111111-2222-4333-8444-000000000000", "repeat": 200}]}
WQL = "SELECT ID FROM SoftwareLicensingProduct"


class IndependentClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.close)
        folder = tempfile.TemporaryDirectory(prefix="kmsmon-wsman.")
        cls.addClassCleanup(folder.cleanup)
        cls.ntlm_users = os.path.join(folder.name, "ntlm")
        with open(cls.ntlm_users, "w", encoding="utf-8") as file:
            file.write("LAB:monitor:%s\n" % PASSWORD)
        cls.tls = ("--tls", cls.certificates.certificate, cls.certificates.key)
        cls.ntlm = ("--auth", "negotiate", "--ntlm-users", cls.ntlm_users)

    def transport(self, endpoint, scheme: str, method: str, **more):
        more = {"username": "LAB\\monitor", "password": PASSWORD, **more}
        transport = Transport("%s://localhost:%d/wsman" % (scheme, endpoint.port), auth_method=method,
                              ca_trust_path=self.certificates.certificate,
                              read_timeout_sec=60, **more)
        self.addCleanup(lambda: transport.session and transport.session.close())
        return transport

    def all_rows(self, transport) -> int:
        body = transport.send_message(enumerate_request(WQL))
        count = body.count(b"<w:XmlFragment")
        while b"EndOfSequence" not in body:
            body = transport.send_message(pull_request(context_of(body)))
            count += body.count(b"<w:XmlFragment")
        return count

    def test_basic(self):
        with Endpoint(*self.tls, "--auth", "basic:monitor:" + PASSWORD, host=HOST) as endpoint:
            self.assertEqual(self.all_rows(self.transport(endpoint, "https", "basic",
                                                          username="monitor")), 200)
            with self.assertRaises(InvalidCredentialsError):
                self.all_rows(self.transport(endpoint, "https", "basic", username="monitor",
                                             password="Summer"))

    def test_certificate(self):
        with Endpoint(*self.tls, "--auth", "certificate", "--client-ca",
                      self.certificates.client_certificate, host=HOST) as endpoint:
            self.assertEqual(self.all_rows(self.transport(
                endpoint, "https", "certificate", cert_pem=self.certificates.client_certificate,
                cert_key_pem=self.certificates.client_key)), 200)

    def test_ntlm_over_tls_is_bound_to_the_channel(self):
        with Endpoint(*self.tls, *self.ntlm, "--binding", "strict", host=HOST) as endpoint:
            self.assertEqual(self.all_rows(self.transport(endpoint, "https", "ntlm")), 200)
            self.assertTrue(endpoint.last()["channel_bound"])
            self.assertEqual(endpoint.last()["mechanism"], "NTLM")
            with self.assertRaises((InvalidCredentialsError, WinRMTransportError)):
                self.all_rows(self.transport(endpoint, "https", "ntlm", password="Summer"))

    def test_ntlm_seals_messages_over_http(self):
        with Endpoint(*self.ntlm, "--seal", host=HOST) as endpoint:
            self.assertEqual(self.all_rows(self.transport(endpoint, "http", "ntlm")), 200)
            self.assertTrue(endpoint.last()["sealed"])


if __name__ == "__main__":
    unittest.main()
