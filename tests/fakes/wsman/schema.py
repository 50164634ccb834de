"""Which property which class has in which version of Windows (specification wsman 1.1, 1.2)."""

VERSIONS = ("6.0", "6.1", "6.2", "6.3", "10.0")

_EVERY = "6.0-"
_COUNTERS = (
    "KeyManagementServiceTotalRequests KeyManagementServiceFailedRequests"
    " KeyManagementServiceUnlicensedRequests KeyManagementServiceLicensedRequests"
    " KeyManagementServiceOOBGraceRequests KeyManagementServiceOOTGraceRequests"
    " KeyManagementServiceNonGenuineGraceRequests KeyManagementServiceNotificationRequests"
)
_TOKEN = (
    "TokenActivationILID TokenActivationILVID TokenActivationGrantNumber"
    " TokenActivationCertificateThumbprint TokenActivationAdditionalInfo"
)

# Class -> the versions that have these properties -> their names. "6.1-": from there on; "6.1": only.
_CLASSES = {
    "SoftwareLicensingService": {
        _EVERY: "Version IsKeyManagementServiceMachine KeyManagementServiceCurrentCount"
        " RequiredClientCount VLActivationInterval VLRenewalInterval KeyManagementServiceMachine"
        " KeyManagementServiceProductKeyID PolicyCacheRefreshRequired ClientMachineID " + _COUNTERS,
        "6.1-": "KeyManagementServicePort DiscoveredKeyManagementServiceMachineName"
        " DiscoveredKeyManagementServiceMachinePort RemainingWindowsReArmCount"
        " KeyManagementServiceListeningPort KeyManagementServiceDnsPublishing"
        " KeyManagementServiceLowPriority KeyManagementServiceHostCaching " + _TOKEN,
        "6.1": "KeyManagementServiceActivationDisabled",
        "6.2-": "KeyManagementServiceLookupDomain OA2xBiosMarkerMinorVersion OA2xBiosMarkerStatus"
        " OA3xOriginalProductKey OA3xOriginalProductKeyDescription OA3xOriginalProductKeyPkPn",
        "6.3-": "DiscoveredKeyManagementServiceMachineIpAddress",
    },
    "SoftwareLicensingProduct": {
        _EVERY: "ID Name Description ApplicationID LicenseStatus LicenseStatusReason"
        " GracePeriodRemaining EvaluationEndDate PartialProductKey ProductKeyID"
        " OfflineInstallationId ProcessorURL MachineURL UseLicenseURL ProductKeyURL LicenseFamily"
        " LicenseDependsOn LicenseIsAddon",
        "6.1-": "IsKeyManagementServiceMachine KeyManagementServiceCurrentCount RequiredClientCount"
        " VLActivationInterval VLRenewalInterval KeyManagementServiceMachine"
        " KeyManagementServicePort KeyManagementServiceProductKeyID"
        " DiscoveredKeyManagementServiceMachineName DiscoveredKeyManagementServiceMachinePort"
        " GenuineStatus ExtendedGrace TrustedTime " + _COUNTERS + " " + _TOKEN,
        "6.2-": "ADActivationObjectName ADActivationObjectDN ADActivationCsvlkPid"
        " ADActivationCsvlkSkuId KeyManagementServiceLookupDomain VLActivationType"
        " VLActivationTypeEnabled ValidationURL",
        "6.3-": "ProductKeyChannel ProductKeyID2 RemainingAppReArmCount RemainingSkuReArmCount"
        " DiscoveredKeyManagementServiceMachineIpAddress IAID AutomaticVMActivationHostMachineName"
        " AutomaticVMActivationHostDigitalPid2 AutomaticVMActivationLastActivationTime",
    },
    "Win32_OperatingSystem": {
        _EVERY: "BootDevice BuildNumber BuildType Caption CSDVersion CSName CodeSet CountryCode"
        " CurrentTimeZone Description InstallDate LastBootUpTime LocalDateTime Locale Manufacturer"
        " MUILanguages Name OperatingSystemSKU OSArchitecture OSLanguage OSType ProductType"
        " ServicePackMajorVersion ServicePackMinorVersion Status SystemDirectory SystemDrive"
        " Version WindowsDirectory",
    },
    "Win32_Service": {
        _EVERY: "AcceptPause AcceptStop Caption CheckPoint CreationClassName Description"
        " DesktopInteract DisplayName ErrorControl ExitCode InstallDate Name PathName ProcessId"
        " ServiceSpecificExitCode ServiceType Started StartMode StartName State Status"
        " SystemCreationClassName SystemName TagId WaitHint",
        "6.2-": "DelayedAutoStart",
    },
}

DATES = {
    "installdate", "lastbootuptime", "localdatetime", "evaluationenddate", "trustedtime",
    "automaticvmactivationlastactivationtime",
}


def _has(span: str, version: str) -> bool:
    wanted = VERSIONS.index(version)
    if span.endswith("-"):
        return wanted >= VERSIONS.index(span[:-1])
    return wanted == VERSIONS.index(span)


def classes() -> list:
    """The names of the classes there are."""
    return list(_CLASSES)


def columns(class_name: str, version: str) -> list:
    """The properties of a class in the order in which WinRM writes them."""
    names = []
    for span, words in _CLASSES[class_name].items():
        if _has(span, version):
            names += words.split()
    return sorted(names, key=str.lower)
