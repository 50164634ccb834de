"""A synthetic host: the rows of its four classes, from a host file, by the schema of its version.

{"synthetic": why and from which rules, "version": "6.0" | "6.1" | "6.2" | "6.3" | "10.0",
 "system": {properties}, "service": {...}, "licensing": {...}, "products": [{...}, ...]}
Each may be null (no row), "denied" (a fault, 2147749891) or "fault:CODE". null is xsi:nil, and so is
what is not said. Times may be "@now" or "@now+90" (seconds); the header Date goes with LocalDateTime.
"repeat": 1000 in a product makes so many of it.
"""

import datetime
import json
import re
from xml.sax.saxutils import escape

from . import faults, names, schema, wql
from .faults import Fault

_NOW = re.compile(r"^@now([+-]\d+)?$")


class HostError(Exception):
    """The host file is wrong; says where."""


def _moment(text: str) -> str:
    """ "@now+90" as xs:dateTime; anything else as it is."""
    found = _NOW.match(text)
    if not found:
        return text
    shift = datetime.timedelta(seconds=int(found.group(1) or 0))
    now = datetime.datetime.now(datetime.timezone.utc) + shift
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _spelt(class_name: str, version: str, row: dict) -> dict:
    """The row with the names as the schema spells them; what it lacks is null."""
    known = {name.lower(): name for name in schema.columns(class_name, version)}
    result = dict.fromkeys(known)
    for name, value in row.items():
        if name.lower() not in known:
            raise HostError("%s of %s has no property %s" % (class_name, version, name))
        result[name.lower()] = value
    return result


def _copies(product: dict) -> list:
    """ "repeat": N makes N products that differ in the end of their ID."""
    count = product.get("repeat", 1)
    row = {name: value for name, value in product.items() if name != "repeat"}
    if count == 1:
        return [row]
    start = str(row.get("ID", "00000000-0000-4000-8000-000000000000"))[:24]
    return [dict(row, ID="%s%012d" % (start, i)) for i in range(count)]


class Host:
    def __init__(self, text: dict):
        if not str(text.get("synthetic", "")):
            raise HostError("\"synthetic\" does not say from which rules the host was made")
        self.version = text.get("version", "10.0")
        if self.version not in schema.VERSIONS:
            raise HostError("\"version\" is none of %s" % ", ".join(schema.VERSIONS))
        rows = {
            "Win32_OperatingSystem": text.get("system"),
            "Win32_Service": text.get("service"),
            "SoftwareLicensingService": text.get("licensing"),
            "SoftwareLicensingProduct": text.get("products", []),
        }
        self.rows = {name: self._rows(name, given) for name, given in rows.items()}
        self._clock = str((text.get("system") or {}).get("LocalDateTime", "@now")) \
            if isinstance(text.get("system"), dict) else "@now"
        self._cache = {}

    def _rows(self, class_name: str, given):
        """A list of rows, or the code of a fault."""
        if given == "denied":
            return faults.WMI_DENIED
        if isinstance(given, str) and given.startswith("fault:"):
            return int(given[6:])
        if given is None:
            return []
        given = given if isinstance(given, list) else [given]
        return [_spelt(class_name, self.version, row) for one in given for row in _copies(one)]

    def skew_s(self) -> int:
        """How far the host's clock is from ours, as LocalDateTime "@now+90" says; a literal: 0."""
        found = _NOW.match(self._clock)
        return int(found.group(1) or 0) if found else 0

    def product_version(self) -> str:
        system = self.rows["Win32_OperatingSystem"]
        version = self.version
        if isinstance(system, list) and system and system[0].get("version"):
            version = system[0]["version"]
        return "OS: %s SP: 0.0 Stack: %s" % (version, self.stack())

    def stack(self) -> str:
        return "2.0" if self.version in ("6.0", "6.1") else "3.0"

    def items(self, query_text: str) -> list:
        """The XML of each row that the query selects."""
        cached = self._cache.get(query_text)
        if cached is not None:
            return cached
        result, constant = self._select(query_text)
        if constant:
            self._cache[query_text] = result
        return result

    def _select(self, query_text: str):
        try:
            query = wql.read(query_text)
        except wql.WqlError as error:
            raise Fault(faults.FILTER, "WQL: %s" % error) from None
        by_name = {name.lower(): name for name in self.rows}
        class_name = by_name.get(query.class_name.lower())
        if class_name is None:
            raise Fault(faults.FILTER, "no class %s" % query.class_name)
        spelt = {name.lower(): name for name in schema.columns(class_name, self.version)}
        conditions = [c.column for all_of in query.any_of for c in all_of]
        for name in query.columns + conditions:
            if name.lower() not in spelt:
                raise Fault(faults.FILTER,
                            "%s of %s has no property %s" % (class_name, self.version, name))
        rows = self.rows[class_name]
        if isinstance(rows, int):
            raise Fault(rows)
        wanted = {name.lower() for name in query.columns} or set(spelt)
        chosen = [(lower, name) for lower, name in spelt.items() if lower in wanted]
        matching = [row for row in rows if query.matches(row)]
        constant = not any(_NOW.match(str(row[lower])) for row in matching for lower, _ in chosen)
        return [_item(class_name, query, row, chosen) for row in matching], constant


def _value(prefix: str, lower: str, name: str, value) -> str:
    if value is None or value == []:
        return "<%s%s xsi:nil=\"true\"/>" % (prefix, name)
    if isinstance(value, list):
        return "".join(_value(prefix, lower, name, one) for one in value)
    if isinstance(value, bool):
        return "<%s%s>%s</%s%s>" % (prefix, name, "true" if value else "false", prefix, name)
    if lower in schema.DATES:
        inner = "cim:Datetime" if prefix else "Datetime"
        return "<%s%s><%s>%s</%s></%s%s>" % (prefix, name, inner, escape(_moment(str(value))), inner,
                                             prefix, name)
    return "<%s%s>%s</%s%s>" % (prefix, name, escape(str(value)), prefix, name)


def _item(class_name: str, query: wql.Query, row: dict, chosen: list) -> str:
    """A projection is w:XmlFragment without a namespace, "*" an instance in its class's namespace."""
    prefix = "" if query.columns else "p:"
    content = "".join(_value(prefix, lower, name, row[lower]) for lower, name in chosen)
    if query.columns:
        return ("<w:XmlFragment xmlns:xsi=\"%s\" xmlns:w=\"%s\">%s</w:XmlFragment>"
                % (names.XSI, names.W, content))
    return (
        "<p:%s xmlns:xsi=\"%s\" xmlns:p=\"%s%s\" xmlns:cim=\"%s\" xsi:type=\"p:%s_Type\">%s</p:%s>"
    ) % (class_name, names.XSI, names.CIMV2, class_name, names.CIM, class_name, content, class_name)


DEFAULT = {
    "synthetic": "a minimal Windows Server 2022 that is no KMS host",
    "version": "10.0",
    "system": {"Version": "10.0.20348", "ProductType": 3, "OSLanguage": 1033,
               "LocalDateTime": "@now", "LastBootUpTime": "2026-01-05T06:00:00Z"},
    "service": {"Name": "sppsvc", "State": "Stopped", "StartMode": "Auto", "ProcessId": 0,
                "ExitCode": 0},
    "licensing": {"Version": "10.0.20348.1", "IsKeyManagementServiceMachine": 0,
                  "KeyManagementServiceCurrentCount": 4294967295,
                  "KeyManagementServiceListeningPort": 1688,
                  "KeyManagementServiceDnsPublishing": True,
                  "KeyManagementServiceLowPriority": False},
    "products": [],
}


def load(path) -> Host:
    """The host of a file; without one a minimal host."""
    if path is None:
        return Host(DEFAULT)
    try:
        with open(path, encoding="utf-8") as file:
            return Host(json.load(file))
    except (OSError, ValueError, HostError) as error:
        raise HostError("%s: %s" % (path, error)) from None
