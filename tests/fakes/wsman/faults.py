"""SOAP faults with the codes that WinRM sends (specification wsman 2.6); the texts are our own."""

from xml.sax.saxutils import escape, quoteattr

from . import names

WMI_PLUGIN = ("WMI plugin of the replay endpoint", r"%systemroot%\system32\WsmWmiPl.dll")

SCHEMA = 2150858817
NOT_FOUND = 2150858752
ACTION = 2150858771
FILTER = 2150858778
CONTEXT = 2150858779
PULL_DIFFERS = 2150859181
WQL_ON_CLASS = 2150859003
ENVELOPE_TOO_SMALL = 2150858878
ENCODING_LIMIT = 2150858823
WMI_DENIED = 2147749891

# Code -> who is to blame, subcode, text, code of the provider (None: none is nested).
_TABLE = {
    5: ("Sender", "w:AccessDenied", "Access is denied. ", None),
    2147942405: ("Receiver", "w:InternalError", "Access is denied. ", 2147942405),
    WMI_DENIED: ("Sender", "w:AccessDenied", "The provider denied the access. ", WMI_DENIED),
    2150859012: ("Sender", "w:AccessDenied", "The WMI service denied the access. ", 2150859012),
    2150859013: ("Sender", "w:AccessDenied", "The WMI provider denied the access. ", 2150859013),
    2150859014: ("Sender", "w:AccessDenied", "The WMI connection was denied. ", 2150859014),
    FILTER: ("Sender", "n:CannotProcessFilter",
             "The data source could not process the filter. ", FILTER),
    2147749904: ("Sender", "w:InternalError", "The class is not known. ", 2147749904),
    2147749902: ("Sender", "w:InternalError", "The namespace is not known. ", 2147749902),
    2147749911: ("Sender", "n:CannotProcessFilter", "The query is not valid. ", 2147749911),
    NOT_FOUND: ("Sender", "a:DestinationUnreachable", "The resource was not found. ", None),
    ACTION: ("Sender", "a:ActionNotSupported", "The action is not supported. ", None),
    2150859002: ("Sender", "w:InvalidSelectors", "Keys of the instance are missing. ", None),
    WQL_ON_CLASS: ("Sender", "w:InvalidParameter", "WQL does not go with a class's URI. ", None),
    2150858793: ("Receiver", "w:TimedOut", "The operation took longer than OperationTimeout. ", None),
    CONTEXT: ("Receiver", "n:InvalidEnumerationContext", "The context is not valid. ", None),
    2150858780: ("Receiver", "n:TimedOut", "The enumeration timed out. ", None),
    ENCODING_LIMIT: ("Sender", "w:EncodingLimit", "The envelope is too large. ", None),
    2150858824: ("Sender", "w:EncodingLimit", "The envelope is too large. ", None),
    2150858825: ("Sender", "w:EncodingLimit", "The envelope is too large. ", None),
    2150858790: ("Sender", "w:EncodingLimit", "The answer does not fit. ", None),
    ENVELOPE_TOO_SMALL: ("Sender", "w:EncodingLimit", "MaxEnvelopeSize is too small. ", None),
    2150859173: ("Sender", "w:QuotaLimit", "Too many shells of this user. ", None),
    2150859174: ("Receiver", "w:InternalError", "Too many operations of this user. ", None),
    2150859175: ("Sender", "w:QuotaLimit", "A quota is exceeded. ", None),
    2150859176: ("Sender", "w:QuotaLimit", "A quota is exceeded. ", None),
    PULL_DIFFERS: ("Sender", "w:InvalidParameter", "Pull differs from Enumerate. ", None),
    SCHEMA: ("Sender", "w:SchemaValidationError", "The message does not match the schema. ", None),
    2147749938: ("Receiver", "w:InternalError", "The call was cancelled. ", 2147749938),
    2147749996: ("Receiver", "w:InternalError", "A quota of WMI is exceeded. ", 2147749996),
    2147749907: ("Receiver", "w:InternalError", "The provider failed. ", 2147749907),
}


class Fault(Exception):
    """Ends an operation; why says in the log what the client did wrong ("": nothing)."""

    def __init__(self, code: int, why: str = "", shape: str = "wsman"):
        super().__init__(why or "fault %d" % code)
        self.code = code
        self.why = why
        self.shape = shape  # wsman: f:WSManFault; wmi: MSFT_WmiError and no f:WSManFault


def _nested(provider_code: int, text: str) -> str:
    return (
        "<f:ProviderFault provider=%s path=%s><f:WSManFault xmlns:f=%s Code=\"%d\" Machine=\"kms01\""
        " xml:lang=\"en-US\"><f:Message>%s</f:Message></f:WSManFault></f:ProviderFault>"
    ) % (quoteattr(WMI_PLUGIN[0]), quoteattr(WMI_PLUGIN[1]), quoteattr(names.F), provider_code,
         escape(text))


def _wsman_detail(code: int, provider_code, text: str) -> str:
    inner = escape(text) if provider_code is None else _nested(provider_code, text)
    return ("<f:WSManFault xmlns:f=\"%s\" Code=\"%d\" Machine=\"kms01\"><f:Message>%s</f:Message>"
            "</f:WSManFault>") % (names.F, code, inner)


def _wmi_detail(code: int, text: str) -> str:
    return (
        "<q:MSFT_WmiError b:IsCIM_Error=\"true\" xmlns:b=\"%s\" xmlns:cim=\"%s\" xmlns:q=\"%s\""
        " xsi:type=\"q:MSFT_WmiError_Type\" xmlns:xsi=\"%s\">"
        "<q:CIMStatusCode xsi:type=\"cim:cimUnsignedInt\">27</q:CIMStatusCode>"
        "<q:Message xsi:type=\"cim:cimString\">%s</q:Message>"
        "<q:MessageID xsi:type=\"cim:cimString\">HRESULT 0x%08x</q:MessageID>"
        "<q:error_Category xsi:type=\"cim:cimUnsignedInt\">30</q:error_Category>"
        "<q:error_Code xsi:type=\"cim:cimUnsignedInt\">%d</q:error_Code>"
        "<q:error_Type xsi:type=\"cim:cimString\">HRESULT</q:error_Type></q:MSFT_WmiError>"
    ) % (names.B, names.CIM, names.WMI_ERROR, names.XSI, escape(text), code, code)


def _action(subcode: str) -> str:
    if subcode.startswith("n:"):
        return names.N + "/fault"
    if subcode.startswith("a:"):
        return names.A + "/fault"
    return "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"


def body(fault: Fault) -> tuple:
    """Action and s:Body content of a fault."""
    unknown = ("Receiver", "w:InternalError", "The operation failed. ", fault.code)
    blame, subcode, text, provider = _TABLE.get(fault.code, unknown)
    if fault.shape == "wmi":
        detail = _wmi_detail(fault.code, text)
    else:
        detail = _wsman_detail(fault.code, provider, text)
    return _action(subcode), (
        "<s:Fault><s:Code><s:Value>s:%s</s:Value><s:Subcode><s:Value>%s</s:Value></s:Subcode>"
        "</s:Code><s:Reason><s:Text xml:lang=\"en-US\">%s</s:Text></s:Reason>"
        "<s:Detail>%s</s:Detail></s:Fault>"
    ) % (blame, subcode, escape(text), detail)
