"""The ATT&CK techniques that the shipped rules name, for Kibana's threat mapping. Ids are those of ATT&CK v19.

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
    "T1006": ("Direct Volume Access", ("stealth",)),
    "T1046": ("Network Service Discovery", ("discovery",)),
    "T1059": ("Command and Scripting Interpreter", ("execution",)),
    "T1082": ("System Information Discovery", ("discovery",)),
    "T1083": ("File and Directory Discovery", ("discovery",)),
    "T1110": ("Brute Force", ("credential-access",)),
    "T1195": ("Supply Chain Compromise", ("initial-access",)),
    "T1195.002": ("Compromise Software Supply Chain", ("initial-access",)),
    "T1202": ("Indirect Command Execution", ("stealth",)),
    "T1204": ("User Execution", ("execution",)),
    "T1213": ("Data from Information Repositories", ("collection",)),
    "T1548": ("Abuse Elevation Control Mechanism", ("privilege-escalation",)),
    "T1552": ("Unsecured Credentials", ("credential-access",)),
    "T1552.001": ("Credentials In Files", ("credential-access",)),
    "T1552.004": ("Private Keys", ("credential-access",)),
    "T1565": ("Data Manipulation", ("impact",)),
    "T1565.001": ("Stored Data Manipulation", ("impact",)),
    "T1595": ("Active Scanning", ("reconnaissance",)),
    "T1685": ("Disable or Modify Tools", ("defense-impairment",)),
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
