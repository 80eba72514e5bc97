"""The ATT&CK techniques that rules about MCP name, for Kibana's threat mapping. Ids are those of ATT&CK v19.

A technique that is not here stays a tag. Tags of revoked ids (T1562.001) stand beside the new one for old consumers.
"""

from collections.abc import Iterable, Mapping

__all__ = ["TACTICS", "TECHNIQUES", "threat_mapping"]

_SITE = "https://attack.mitre.org"

TACTICS = {
    "reconnaissance": ("TA0043", "Reconnaissance"),
    "resource-development": ("TA0042", "Resource Development"),
    "initial-access": ("TA0001", "Initial Access"),
    "execution": ("TA0002", "Execution"),
    "persistence": ("TA0003", "Persistence"),
    "privilege-escalation": ("TA0004", "Privilege Escalation"),
    "stealth": ("TA0005", "Stealth"),
    "defense-impairment": ("TA0112", "Defense Impairment"),
    "credential-access": ("TA0006", "Credential Access"),
    "discovery": ("TA0007", "Discovery"),
    "lateral-movement": ("TA0008", "Lateral Movement"),
    "collection": ("TA0009", "Collection"),
    "command-and-control": ("TA0011", "Command and Control"),
    "exfiltration": ("TA0010", "Exfiltration"),
    "impact": ("TA0040", "Impact"),
}

# id: name, the tactics it serves
TECHNIQUES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "T1001": ("Data Obfuscation", ("command-and-control",)),
    "T1005": ("Data from Local System", ("collection",)),
    "T1006": ("Direct Volume Access", ("stealth",)),
    "T1016": ("System Network Configuration Discovery", ("discovery",)),
    "T1018": ("Remote System Discovery", ("discovery",)),
    "T1020": ("Automated Exfiltration", ("exfiltration",)),
    "T1021": ("Remote Services", ("lateral-movement",)),
    "T1027": ("Obfuscated Files or Information", ("stealth",)),
    "T1029": ("Scheduled Transfer", ("exfiltration",)),
    "T1030": ("Data Transfer Size Limits", ("exfiltration",)),
    "T1036": ("Masquerading", ("stealth",)),
    "T1036.005": ("Match Legitimate Resource Name or Location", ("stealth",)),
    "T1040": ("Network Sniffing", ("credential-access", "discovery")),
    "T1041": ("Exfiltration Over C2 Channel", ("exfiltration",)),
    "T1046": ("Network Service Discovery", ("discovery",)),
    "T1048": ("Exfiltration Over Alternative Protocol", ("exfiltration",)),
    "T1053": ("Scheduled Task/Job", ("execution", "persistence", "privilege-escalation")),
    "T1056": ("Input Capture", ("collection", "credential-access")),
    "T1059": ("Command and Scripting Interpreter", ("execution",)),
    "T1059.001": ("PowerShell", ("execution",)),
    "T1059.004": ("Unix Shell", ("execution",)),
    "T1059.006": ("Python", ("execution",)),
    "T1059.007": ("JavaScript", ("execution",)),
    "T1068": ("Exploitation for Privilege Escalation", ("privilege-escalation",)),
    "T1070": ("Indicator Removal", ("stealth",)),
    "T1070.004": ("File Deletion", ("stealth",)),
    "T1070.006": ("Timestomp", ("stealth",)),
    "T1071": ("Application Layer Protocol", ("command-and-control",)),
    "T1071.001": ("Web Protocols", ("command-and-control",)),
    "T1078": ("Valid Accounts", ("initial-access", "persistence", "privilege-escalation", "stealth")),
    "T1082": ("System Information Discovery", ("discovery",)),
    "T1083": ("File and Directory Discovery", ("discovery",)),
    "T1087": ("Account Discovery", ("discovery",)),
    "T1090": ("Proxy", ("command-and-control",)),
    "T1098": ("Account Manipulation", ("persistence", "privilege-escalation")),
    "T1102": ("Web Service", ("command-and-control",)),
    "T1105": ("Ingress Tool Transfer", ("command-and-control",)),
    "T1110": ("Brute Force", ("credential-access",)),
    "T1114": ("Email Collection", ("collection",)),
    "T1114.003": ("Email Forwarding Rule", ("collection",)),
    "T1119": ("Automated Collection", ("collection",)),
    "T1132": ("Data Encoding", ("command-and-control",)),
    "T1133": ("External Remote Services", ("initial-access", "persistence")),
    "T1136": ("Create Account", ("persistence",)),
    "T1140": ("Deobfuscate/Decode Files or Information", ("stealth",)),
    "T1176": ("Software Extensions", ("persistence",)),
    "T1189": ("Drive-by Compromise", ("initial-access",)),
    "T1190": ("Exploit Public-Facing Application", ("initial-access",)),
    "T1195": ("Supply Chain Compromise", ("initial-access",)),
    "T1195.002": ("Compromise Software Supply Chain", ("initial-access",)),
    "T1202": ("Indirect Command Execution", ("stealth",)),
    "T1203": ("Exploitation for Client Execution", ("execution",)),
    "T1204": ("User Execution", ("execution",)),
    "T1205": ("Traffic Signaling", ("stealth", "persistence", "command-and-control")),
    "T1210": ("Exploitation of Remote Services", ("lateral-movement",)),
    "T1211": ("Exploitation for Stealth", ("stealth",)),
    "T1213": ("Data from Information Repositories", ("collection",)),
    "T1213.006": ("Databases", ("collection",)),
    "T1485": ("Data Destruction", ("impact",)),
    "T1486": ("Data Encrypted for Impact", ("impact",)),
    "T1496": ("Resource Hijacking", ("impact",)),
    "T1498": ("Network Denial of Service", ("impact",)),
    "T1499": ("Endpoint Denial of Service", ("impact",)),
    "T1526": ("Cloud Service Discovery", ("discovery",)),
    "T1528": ("Steal Application Access Token", ("credential-access",)),
    "T1530": ("Data from Cloud Storage", ("collection",)),
    "T1537": ("Transfer Data to Cloud Account", ("exfiltration",)),
    "T1539": ("Steal Web Session Cookie", ("credential-access",)),
    "T1543": ("Create or Modify System Process", ("persistence", "privilege-escalation")),
    "T1546": ("Event Triggered Execution", ("persistence", "privilege-escalation")),
    "T1547": ("Boot or Logon Autostart Execution", ("persistence", "privilege-escalation")),
    "T1548": ("Abuse Elevation Control Mechanism", ("privilege-escalation",)),
    "T1550": ("Use Alternate Authentication Material", ("lateral-movement",)),
    "T1550.001": ("Application Access Token", ("lateral-movement",)),
    "T1552": ("Unsecured Credentials", ("credential-access",)),
    "T1552.001": ("Credentials In Files", ("credential-access",)),
    "T1552.004": ("Private Keys", ("credential-access",)),
    "T1552.005": ("Cloud Instance Metadata API", ("credential-access",)),
    "T1554": ("Compromise Host Software Binary", ("persistence",)),
    "T1555": ("Credentials from Password Stores", ("credential-access",)),
    "T1557": ("Adversary-in-the-Middle", ("credential-access", "collection")),
    "T1563": ("Remote Service Session Hijacking", ("lateral-movement",)),
    "T1564": ("Hide Artifacts", ("stealth",)),
    "T1565": ("Data Manipulation", ("impact",)),
    "T1565.001": ("Stored Data Manipulation", ("impact",)),
    "T1565.002": ("Transmitted Data Manipulation", ("impact",)),
    "T1566": ("Phishing", ("initial-access",)),
    "T1567": ("Exfiltration Over Web Service", ("exfiltration",)),
    "T1571": ("Non-Standard Port", ("command-and-control",)),
    "T1572": ("Protocol Tunneling", ("command-and-control",)),
    "T1574": ("Hijack Execution Flow", ("execution", "persistence", "privilege-escalation", "stealth")),
    "T1574.006": ("Dynamic Linker Hijacking", ("execution", "persistence", "privilege-escalation", "stealth")),
    "T1580": ("Cloud Infrastructure Discovery", ("discovery",)),
    "T1588": ("Obtain Capabilities", ("resource-development",)),
    "T1592": ("Gather Victim Host Information", ("reconnaissance",)),
    "T1595": ("Active Scanning", ("reconnaissance",)),
    "T1611": ("Escape to Host", ("privilege-escalation",)),
    "T1621": ("Multi-Factor Authentication Request Generation", ("credential-access",)),
    "T1656": ("Impersonation", ("stealth",)),
    "T1657": ("Financial Theft", ("impact",)),
    "T1685": ("Disable or Modify Tools", ("defense-impairment",)),
    "T1685.001": ("Disable or Modify Windows Event Log", ("defense-impairment",)),
    "T1685.002": ("Disable or Modify Cloud Log", ("defense-impairment",)),
    "T1685.004": ("Disable or Modify Linux Audit System Log", ("defense-impairment",)),
    "T1685.005": ("Clear Windows Event Logs", ("defense-impairment",)),
    "T1685.006": ("Clear Linux or Mac System Logs", ("defense-impairment",)),
    "T1686": ("Disable or Modify System Firewall", ("defense-impairment",)),
    "T1689": ("Downgrade Attack", ("defense-impairment",)),
}

Threat = dict[str, object]


def threat_mapping(tags: Iterable[str]) -> list[Threat]:
    """Kibana's `threat` of a rule's tags: each known technique under the rule's tactics it serves, else its first."""
    names = [tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")]
    wanted = [name for name in names if name in TACTICS]
    techniques = [name.upper() for name in names if name.upper() in TECHNIQUES]
    placed: dict[str, list[str]] = {tactic: [] for tactic in wanted}
    for technique in techniques:
        serves = TECHNIQUES[technique][1]
        for tactic in [one for one in wanted if one in serves] or serves[:1]:
            placed.setdefault(tactic, []).append(technique)
    return [_threat(tactic, placed[tactic]) for tactic in TACTICS if tactic in placed]


def _threat(tactic: str, techniques: list[str]) -> Threat:
    tactic_id, name = TACTICS[tactic]
    whole = sorted({technique.partition(".")[0] for technique in techniques})
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": tactic_id, "name": name, "reference": f"{_SITE}/tactics/{tactic_id}/"},
        "technique": [_technique(parent, techniques) for parent in whole],
    }


def _technique(parent: str, techniques: list[str]) -> Threat:
    subs = sorted({technique for technique in techniques if technique.startswith(f"{parent}.")})
    return {**_named(parent), "subtechnique": [_named(sub) for sub in subs]}


def _named(technique: str) -> Threat:
    reference = f"{_SITE}/techniques/{technique.replace('.', '/')}/"
    return {"id": technique, "name": TECHNIQUES[technique][0], "reference": reference}
