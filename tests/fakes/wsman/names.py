"""Names of WS-Management as WinRM uses them: namespaces, actions, resources."""

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
N = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
E = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
X = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
F = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
B = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
ID = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
WMI_ERROR = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"

ANONYMOUS = A + "/role/anonymous"
ENUMERATE = N + "/Enumerate"
PULL = N + "/Pull"
RELEASE = N + "/Release"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"

CONTENT_TYPE = "application/soap+xml;charset=UTF-8"
EVERY_CERTIFICATE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"


def tag(namespace: str, local: str) -> str:
    """The name as xml.etree writes it."""
    return "{%s}%s" % (namespace, local)
