"""The endpoint's answers, its strictness, its scripted mishaps; without authentication."""

import http.client
import json
import os
import resource
import socket
import tempfile
import unittest
import zlib

from support import (HERE, IDENTIFY, SYSTEM, TYPE, Client, Endpoint, context_of, enumerate_request, fault_of,
                     pull_request, release_request)

PRODUCT = {"ID": "11111111-2222-4333-8444-000000000000", "Name": "Windows <&> Server",
           "Description": "VOLUME_KMS_WS16 channel", "PartialProductKey": "ABCDE",
           "LicenseStatus": 1, "LicenseFamily": ""}
HOST = {
    "synthetic": "made by the self-test", "version": "6.1",
    "system": {"Version": "6.1.7601", "LocalDateTime": "@now+90",
               "LastBootUpTime": "2013-04-15T16:28:39.5Z"},
    "service": "denied",
    "licensing": {"KeyManagementServiceDnsPublishing": True},
    "products": [dict(PRODUCT, repeat=1000), dict(PRODUCT, PartialProductKey=None)],
}
PRODUCTS = "SELECT ID, Name, LicenseFamily, ProductKeyID FROM SoftwareLicensingProduct " \
           "WHERE PartialProductKey IS NOT NULL"


class Answers(unittest.TestCase):
    def ask(self, endpoint, body, **headers):
        client = Client(endpoint.port)
        self.addCleanup(client.close)
        return client.post(body, **headers)

    def test_values_have_the_shapes_of_captures(self):
        with Endpoint(host=HOST) as endpoint:
            _, _, body = self.ask(endpoint, enumerate_request(PRODUCTS + " AND ID LIKE"))
            self.assertEqual(fault_of(body), 2150858778)
            _, _, body = self.ask(endpoint, enumerate_request(PRODUCTS))
            self.assertIn(b"<LicenseFamily></LicenseFamily><Name>Windows &lt;&amp;&gt; Server</Name>"
                          b'<ProductKeyID xsi:nil="true"/>', body)
            _, _, body = self.ask(endpoint, enumerate_request(
                "SELECT LastBootUpTime FROM Win32_OperatingSystem"))
            self.assertIn(b"<LastBootUpTime><Datetime>2013-04-15T16:28:39.5Z</Datetime>", body)
            self.assertIn(b"<n:EnumerationContext></n:EnumerationContext>", body)
            self.assertIn(b"<w:EndOfSequence/>", body)
            _, _, body = self.ask(endpoint, enumerate_request(
                "select * from softwarelicensingservice"))
            self.assertIn(b"<p:KeyManagementServiceDnsPublishing>true<", body)

    def test_pages_of_every_size_hold_every_row(self):
        for page, answers in (("winrm", None), ("0", None), ("1", 1000), ("7", 143), ("999", None)):
            with self.subTest(page), Endpoint("--page", page, host=HOST) as endpoint:
                client = Client(endpoint.port)
                count, seen = client.rows(PRODUCTS)
                client.close()
                self.assertEqual(count, 1000)
                self.assertEqual(seen, answers or seen)
                self.assertLess(1, seen)

    def test_winrm_begins_with_one_row(self):
        with Endpoint(host=HOST) as endpoint:
            _, _, body = self.ask(endpoint, enumerate_request(PRODUCTS))
            self.assertEqual(body.count(b"<w:XmlFragment"), 1)
            _, _, body = self.ask(endpoint, pull_request(context_of(body)))
            self.assertGreater(body.count(b"<w:XmlFragment"), 50)
            self.assertLess(len(body), 80000)

    def test_only_the_newest_context_is_known_until_it_is_released(self):
        with Endpoint("--page", "1", host=HOST) as endpoint:
            _, _, first = self.ask(endpoint, enumerate_request(PRODUCTS))
            _, _, second = self.ask(endpoint, pull_request(context_of(first)))
            self.assertNotEqual(context_of(first), context_of(second))
            _, _, body = self.ask(endpoint, pull_request(context_of(first)))
            self.assertEqual(fault_of(body), 2150858779)
            status, _, _ = self.ask(endpoint, release_request(context_of(second)))
            self.assertEqual(status, 200)
            endpoint.stop()
            self.assertEqual(endpoint.log()[-1], {"event": "end", "open_contexts": 0})

    def test_columns_go_by_the_version(self):
        asked = "SELECT ProductKeyChannel FROM SoftwareLicensingProduct"
        for version, status in (("6.0", 500), ("6.2", 500), ("6.3", 200), ("10.0", 200)):
            host = dict(HOST, version=version, licensing=None, products=[])
            with Endpoint(host=host) as endpoint:
                self.assertEqual(self.ask(endpoint, enumerate_request(asked))[0], status)

    def test_a_denied_class_is_a_fault_and_an_absent_one_no_row(self):
        with Endpoint(host=HOST) as endpoint:
            _, _, body = self.ask(endpoint, enumerate_request("SELECT Name FROM Win32_Service"))
            self.assertEqual(fault_of(body), 2147749891)
        with Endpoint(host=dict(HOST, service=None)) as endpoint:
            _, _, body = self.ask(endpoint, enumerate_request("SELECT Name FROM Win32_Service"))
            self.assertIn(b"<w:Items></w:Items><w:EndOfSequence/>", body)

    def test_requests_that_winrm_would_refuse_are_refused(self):
        good = enumerate_request(SYSTEM)
        wrong = (
            (good.replace(b"Enumerate</a:Action>", b"Get</a:Action>"), 2150858771),
            (good.replace(b"root/cimv2/*", b"root/cimv2/Win32_Service"), 2150859003),
            (good.replace(b"/wmi/", b"/windows/"), 2150858752),
            (good.replace(b"SELECT", b"SELECT <b>"), 2150858817),
            (good.replace(b" FROM", b" WHERE a < 1 FROM"), 2150858817),
            (good.replace(b"uuid:", b""), 2150858817),
            (good.replace(b'Action s:mustUnderstand="true"', b"Action"), 2150858817),
            (good.replace(b"153600", b"5000"), 2150858878),
            (b"<!DOCTYPE s>" + good, 2150858817),
            (good[:-1], 2150858817),
            (enumerate_request("SELECT Nonesuch FROM Win32_Service"), 2150858778),
            (enumerate_request("SELECT Name FROM Win32_Nonesuch"), 2150858778),
        )
        with Endpoint() as endpoint:
            for body, code in wrong:
                status, _, answer = self.ask(endpoint, body)
                self.assertEqual((status, fault_of(answer)), (500, code), body)
                self.assertTrue(endpoint.last()["error"])
            self.assertEqual(self.ask(endpoint, good, path="/wsmann")[0], 404)
            self.assertEqual(self.ask(endpoint, good, Content_Type="text/xml")[0], 415)
            self.assertEqual(self.ask(endpoint, b"x" * 600000)[0], 413)

    def test_date_follows_the_clock_of_the_host(self):
        from email.utils import parsedate_to_datetime
        with Endpoint(host=HOST) as skewed, Endpoint() as right:
            late = parsedate_to_datetime(self.ask(skewed, IDENTIFY)[1]["Date"])
            now = parsedate_to_datetime(self.ask(right, IDENTIFY)[1]["Date"])
            # The first was asked first, so that a slow machine makes the difference smaller only.
            self.assertLessEqual((late - now).total_seconds(), 91)

    def test_wrong_files_are_named(self):
        for host in ({}, dict(HOST, version="5"), dict(HOST, licensing={"Nonesuch": 1})):
            with self.assertRaises(AssertionError):
                Endpoint(host=host)
        with self.assertRaises(AssertionError):
            Endpoint(script=[{"at": "identify", "do": "nonesuch"}])


class Mishaps(unittest.TestCase):
    def first(self, do, at="enumerate:Win32_OperatingSystem", request=None):
        """What the first request gets, and what the same one gets afterwards."""
        answers = []
        with Endpoint(script=[{"at": at, "do": do}]) as endpoint:
            for _ in range(2):
                client = Client(endpoint.port)
                try:
                    answers.append(client.post(request or enumerate_request(SYSTEM)))
                except (OSError, http.client.HTTPException) as error:
                    answers.append(error)
                client.close()
        self.assertEqual(answers[1][0], 200)
        return answers[0]

    def test_faults_and_statuses(self):
        status, _, body = self.first("fault:2150858779")
        self.assertEqual((status, fault_of(body)), (500, 2150858779))
        self.assertIn(b"<q:error_Code xsi:type=\"cim:cimUnsignedInt\">2150859174<",
                      self.first("fault-wmi:2150859174")[2])
        self.assertEqual(self.first("status:503")[::2], (503, b""))
        self.assertEqual(self.first("status:500", "request:1")[::2], (500, b""))
        self.assertIn(b"<HTML>", self.first("html:404")[2])
        self.assertEqual(self.first("redirect:http://127.0.0.1:1/")[1]["Location"],
                         "http://127.0.0.1:1/")

    def test_answers_that_end_too_early(self):
        error = self.first("cut:20")
        self.assertIsInstance(error, http.client.IncompleteRead)
        self.assertEqual(len(error.partial), 20)
        self.assertIsInstance(self.first("close"), (OSError, http.client.HTTPException))
        self.assertIsInstance(self.first("close", "identify", IDENTIFY),
                              (OSError, http.client.HTTPException))

    def test_answers_cut_at_every_byte(self):
        script = [{"at": "identify", "do": "cut-each", "times": 0}]
        with Endpoint(script=script) as endpoint:
            for wanted in range(30):
                sock = socket.create_connection(("127.0.0.1", endpoint.port))
                sock.sendall(b"POST /wsman HTTP/1.1\r\nContent-Type: application/soap+xml;"
                             b"charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(IDENTIFY), IDENTIFY))
                with sock, sock.makefile("rb") as file:
                    self.assertEqual(file.read(), b"HTTP/1.1 200 OK\r\nContent-Type: "[:wanted])

    def test_messages_that_are_odd(self):
        self.assertIn(b"<!DOCTYPE", self.first("doctype")[2])
        self.assertIn(b"<!ENTITY a30", self.first("entity-bomb")[2])
        request = enumerate_request(SYSTEM)
        relates = request[request.index(b"uuid:"):][:41]
        self.assertNotIn(relates, self.first("wrong-relates-to", request=request)[2])
        self.assertIn(b"<n:Items>", self.first("other-namespaces")[2])
        _, headers, body = self.first("gzip-bomb")
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertLess(len(body), 300000)
        size = 0
        unpacker = zlib.decompressobj(31)
        piece = unpacker.decompress(body, 1 << 20)
        while piece:
            size += len(piece)
            piece = unpacker.decompress(unpacker.unconsumed_tail, 1 << 20)
        self.assertEqual(size, 100 << 20)

    def test_bytes_one_by_one_are_the_same_message(self):
        self.assertIn(b"<w:EndOfSequence/>", self.first("drip")[2])

    def test_a_hundred_megabytes_need_no_memory(self):
        with Endpoint(script=[{"at": "identify", "do": "huge:104857600"}]) as endpoint:
            sock = socket.create_connection(("127.0.0.1", endpoint.port))
            sock.sendall(b"POST /wsman HTTP/1.1\r\nContent-Type: application/soap+xml;charset=UTF-8"
                         b"\r\nContent-Length: %d\r\n\r\n%s" % (len(IDENTIFY), IDENTIFY))
            size = 0
            while size < 104857600:
                piece = sock.recv(1 << 20)
                self.assertTrue(piece)
                size += len(piece)
            sock.close()
            endpoint.stop()
        # The largest of all endpoints of this test.
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 60000)

    def test_close_after_serves_and_then_closes(self):
        with Endpoint(script=[{"at": "request:1", "do": "close-after"}]) as endpoint:
            client = Client(endpoint.port)
            self.assertEqual(client.post(enumerate_request(SYSTEM))[0], 200)
            self.assertEqual(client.connection.sock.recv(1), b"")
            client.close()

    def test_hang_ends_with_the_client(self):
        with Endpoint(script=[{"at": "identify", "do": "hang"}]) as endpoint:
            client = Client(endpoint.port)
            client.connection.request("POST", "/wsman", IDENTIFY,
                                      {"Content-Type": "application/soap+xml;charset=UTF-8"})
            client.connection.sock.setblocking(False)
            with self.assertRaises(BlockingIOError):
                client.connection.sock.recv(1)
            client.close()

    def test_pulls_are_counted_in_each_enumeration(self):
        script = [{"at": "pull:2", "do": "fault:2150858779", "times": 2}]
        with Endpoint("--page", "1", host=HOST, script=script) as endpoint:
            client = Client(endpoint.port)
            for wanted in (500, 500, 200):
                _, _, body = client.post(enumerate_request(PRODUCTS))
                _, _, body = client.post(pull_request(context_of(body)))
                self.assertEqual(client.post(pull_request(context_of(body)))[0], wanted)
            client.close()

    def test_contexts_can_stay(self):
        script = [{"at": "pull:1", "do": "same-context"}]
        with Endpoint("--page", "1", host=HOST, script=script) as endpoint:
            client = Client(endpoint.port)
            _, _, first = client.post(enumerate_request(PRODUCTS))
            _, _, second = client.post(pull_request(context_of(first)))
            self.assertEqual(context_of(first), context_of(second))
            self.assertEqual(client.post(pull_request(context_of(second)))[0], 200)
            client.close()


class Recordings(unittest.TestCase):
    def test_each_request_gets_what_it_got(self):
        wql = "SELECT Name FROM Win32_Service"
        ask = enumerate_request(wql)
        exchanges = ((b"", 401, b"", ""), (ask, 200, b"<x><a:RelatesTo>uuid:0</a:RelatesTo>1</x>", TYPE),
                     (pull_request("c-1"), 500, b"<x>2</x>", TYPE), (ask, 503, b"busy", "text/html"))
        recorded = b"kmsmon-capture 1\n# masked\n"
        for request, status, answer, kind in exchanges:
            recorded += b"request %d\n%s\nanswer %d %d %s\n%s\n" % (
                len(request), request, status, len(answer), kind.encode(), answer)
        with tempfile.NamedTemporaryFile() as file:
            file.write(recorded)
            file.flush()
            with Endpoint("--replay", file.name) as endpoint:
                client = Client(endpoint.port)
                again = enumerate_request(wql)
                status, _, body = client.post(again)
                self.assertEqual(status, 200)
                self.assertIn(again[again.index(b"uuid:"):][:41] + b"</a:RelatesTo>1", body)
                self.assertEqual(client.post(pull_request("c-1"))[::2], (500, b"<x>2</x>"))
                for _ in range(2):
                    self.assertEqual(client.post(enumerate_request(wql))[::2], (503, b"busy"))
                self.assertEqual(fault_of(client.post(enumerate_request(SYSTEM))[2]), 2150858778)
                client.close()
            file.truncate(len(recorded) - 5)
            with self.assertRaises(AssertionError):
                Endpoint("--replay", file.name)

    def test_every_host_of_the_folder_answers(self):
        hosts = os.path.join(os.path.dirname(HERE), "hosts")
        files = [name for name in os.listdir(hosts) if name.endswith(".json")]
        self.assertTrue(files)
        for name in files:
            with open(os.path.join(hosts, name), encoding="utf-8") as file:
                with self.subTest(name), Endpoint(host=json.load(file)) as endpoint:
                    client = Client(endpoint.port)
                    self.assertGreaterEqual(client.rows(SYSTEM)[0], 1)
                    client.close()


class Captures(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(os.environ.get("KMSMON_SHARED") or "/nonexistent", "wsman")
        if not os.path.isdir(self.folder):
            self.skipTest("KMSMON_SHARED has no captures of WS-Management")

    def test_pages_are_served_byte_for_byte(self):
        start = os.path.join(self.folder, "txwinrm-server2008-")
        with Endpoint("--replay", start, "--verbatim") as endpoint:
            client = Client(endpoint.port)
            _, _, body = client.post(enumerate_request("SELECT Name FROM Win32_Service"))
            for page in range(4):
                with open(start + "Win32_Service_all_%03d.xml" % page, "rb") as file:
                    self.assertEqual(body, file.read())
                if page < 3:
                    _, _, body = client.post(pull_request(context_of(body)))
            client.close()

    def test_relates_to_is_the_requests(self):
        with Endpoint("--replay", os.path.join(self.folder, "txwinrm-server2008-")) as endpoint:
            client = Client(endpoint.port)
            request = enumerate_request("SELECT Name FROM Win32_Service")
            relates = request[request.index(b"uuid:"):][:41]
            got = client.post(request)[2]
            client.close()
            self.assertIn(b"RelatesTo>" + relates, got)
            with open(os.path.join(self.folder, "txwinrm-server2008-Win32_Service_all_000.xml"),
                      "rb") as file:
                was = file.read()
            at = was.index(b"RelatesTo>") + len(b"RelatesTo>")
            self.assertEqual(got[:at] + was[at:at + 41] + got[at + 41:], was)

    def test_a_fault_is_a_fault(self):
        fault = os.path.join(self.folder, "masterzen-fault-timeout-2150858793.xml")
        with Endpoint("--replay", fault) as endpoint:
            client = Client(endpoint.port)
            status, _, body = client.post(enumerate_request(SYSTEM))
            self.assertEqual((status, fault_of(body)), (500, 2150858793))
            client.close()


if __name__ == "__main__":
    unittest.main()
