"""Endpoint events in the Elastic Common Schema (Elastic Defend, Auditbeat, Winlogbeat) in Sigma's stock field names."""

from collections.abc import Mapping, Sequence

from mcp_siem.sources.fields import Take, address, first_time, first_word, has, number, take, word, words
from mcp_siem.sources.linewise import Parsed

__all__ = ["is_ecs_endpoint", "parse_ecs"]

_AGENTS = frozenset({"endpoint", "auditbeat", "winlogbeat"})
_SUBJECTS = ("process", "file", "dns", "destination")
_CATEGORIES = frozenset({"process", "file", "network"})
_WHERE = (
    Take(to="Computer", paths=("host.name", "host.hostname", "agent.hostname", "beat.hostname"), read=word),
    Take(to="Image", paths=("process.executable", "process.name"), read=word),
    Take(to="ProcessId", paths=("process.pid",), read=number),
    Take(to="ProcessGuid", paths=("process.entity_id",), read=word),
)
_STARTED = (
    *_WHERE,
    Take(to="CommandLine", paths=("process.command_line",), read=word),
    Take(to="CurrentDirectory", paths=("process.working_directory",), read=word),
    Take(to="ParentImage", paths=("process.parent.executable", "process.parent.name"), read=word),
    Take(to="ParentCommandLine", paths=("process.parent.command_line",), read=word),
    Take(to="ParentProcessId", paths=("process.parent.pid", "process.ppid"), read=number),
    Take(to="ParentProcessGuid", paths=("process.parent.entity_id",), read=word),
    Take(to="ParentUser", paths=("process.parent.user.name",), read=word),
    Take(to="OriginalFileName", paths=("process.pe.original_file_name",), read=word),
    Take(to="Product", paths=("process.pe.product",), read=word),
    Take(to="Company", paths=("process.pe.company",), read=word),
    Take(to="Description", paths=("process.pe.description",), read=word),
    Take(to="IntegrityLevel", paths=("process.Ext.token.integrity_level_name",), read=word),
    Take(to="LogonId", paths=("process.Ext.authentication_id",), read=word),
)
_FILE = (*_WHERE, Take(to="TargetFilename", paths=("file.path",), read=word))
_RENAMED = (*_FILE, Take(to="SourceFilename", paths=("file.Ext.original.path",), read=word))
_OPENED = (*_WHERE, Take(to="FileName", paths=("file.path",), read=word))
_CONNECTED = (
    *_WHERE,
    Take(to="DestinationHostname", paths=("destination.domain", "url.domain"), read=word),
    Take(to="DestinationIp", paths=("destination.ip", "destination.address"), read=address),
    Take(to="DestinationPort", paths=("destination.port",), read=number),
    Take(to="SourceIp", paths=("source.ip",), read=address),
    Take(to="SourcePort", paths=("source.port",), read=number),
    Take(to="SourceHostname", paths=("source.domain",), read=word),
    Take(to="Protocol", paths=("network.transport",), read=word),
)
_ASKED = (
    *_WHERE,
    Take(to="QueryName", paths=("dns.question.name",), read=word),
    Take(to="QueryStatus", paths=("dns.response_code",), read=word),
)
# The first word found in event.action, else in event.type, tells what became of a file.
_FILE_KINDS: tuple[tuple[str, str, tuple[Take, ...]], ...] = (
    ("delet", "endpoint.file_delete", _FILE),
    ("unlink", "endpoint.file_delete", _FILE),
    ("rename", "endpoint.file_rename", _RENAMED),
    ("moved", "endpoint.file_rename", _RENAMED),
    ("attribute", "endpoint.file_change", _FILE),
    ("metadata", "endpoint.file_change", _FILE),
    ("chang", "endpoint.file_event", _FILE),
    ("creat", "endpoint.file_event", _FILE),
    ("modif", "endpoint.file_event", _FILE),
    ("updat", "endpoint.file_event", _FILE),
    ("overwrit", "endpoint.file_event", _FILE),
    ("writ", "endpoint.file_event", _FILE),
    ("open", "endpoint.file_access", _OPENED),
    ("access", "endpoint.file_access", _OPENED),
    ("read", "endpoint.file_access", _OPENED),
)
_NOT_EVENTS = frozenset({"alert", "signal", "metric", "state", "pipeline_error", "asset", "enrichment"})
_DIRECTIONS = {
    **dict.fromkeys(("egress", "outbound", "outgoing"), True),
    **dict.fromkeys(("ingress", "inbound", "incoming"), False),
}


def is_ecs_endpoint(data: Mapping[str, object]) -> bool:
    """Says whether a record is ECS of an endpoint, of whatever kind."""
    if _lower(data, "agent.type") & _AGENTS:
        return True
    categories = _lower(data, "event.category")
    return bool(categories & _CATEGORIES) and any(has(data, subject) or _below(data, subject) for subject in _SUBJECTS)


def parse_ecs(data: Mapping[str, object]) -> Sequence[Parsed]:
    """The events of an ECS record; none for kinds that are no event here (ends of processes, states, alerts)."""
    if _lower(data, "event.kind") & _NOT_EVENTS:
        return ()
    categories = _lower(data, "event.category")
    if has(data, "dns.question.name"):
        answers = words(data, "dns.answers.data") or words(data, "dns.resolved_ip")
        return (_parsed(data, "endpoint.dns_query", _ASKED, {"QueryResults": ";".join(answers) or None}),)
    if "file" in categories:
        return _file(data)
    made = _process(data) if "process" in categories else _network(data) if "network" in categories else None
    return () if made is None else (made,)


def _file(data: Mapping[str, object]) -> Sequence[Parsed]:
    for said in (_lower(data, "event.action"), _lower(data, "event.type")):
        for word_, dataset, table in _FILE_KINDS:
            if any(word_ in one for one in said):
                made = _parsed(data, dataset, table)
                # Renamed into place is written there, as far as who reads the file is concerned.
                return (
                    (made, _parsed(data, "endpoint.file_event", _FILE))
                    if dataset == "endpoint.file_rename"
                    else (made,)
                )
    return ()


def _process(data: Mapping[str, object]) -> Parsed | None:
    action, kinds = _lower(data, "event.action"), _lower(data, "event.type")
    if "start" not in kinds and not action & {"exec", "start", "executed", "process_started"}:
        return None
    more = {
        "CommandLine": _line(data, "process"),
        "ParentCommandLine": _line(data, "process.parent"),
        "Hashes": ",".join(
            f"{kind.upper()}={value}" for kind in _HASHES for value in words(data, f"process.hash.{kind}")[:1]
        )
        or None,
    }
    return _parsed(data, "endpoint.process_creation", _STARTED, more)


def _network(data: Mapping[str, object]) -> Parsed | None:
    action, kinds = _lower(data, "event.action"), _lower(data, "event.type")
    if kinds & {"end"} or any("disconnect" in one for one in action):
        return None
    accepted = any("accept" in one or "listen" in one for one in action)
    attempted = any("attempt" in one or "connected-to" in one for one in action)
    said = [_DIRECTIONS[one] for one in _lower(data, "network.direction") if one in _DIRECTIONS]
    initiated = False if accepted else True if attempted else next(iter(said), None)
    return _parsed(data, "endpoint.network_connection", _CONNECTED, {"Initiated": initiated})


def _parsed(
    data: Mapping[str, object], dataset: str, table: tuple[Take, ...], more: Mapping[str, object] | None = None
) -> Parsed:
    fields, wrong = take(data, table)
    told = {"event.dataset": dataset, **{name: value for name, value in (more or {}).items() if value is not None}}
    told |= {"User": user} if (user := _user(data)) else {}
    return Parsed(fields={**told, **fields}, time=first_time(data, "@timestamp"), wrong=wrong)


def _user(data: Mapping[str, object]) -> str | None:
    for holder in ("user", "process.user"):
        name, domain = words(data, f"{holder}.name")[:1], words(data, f"{holder}.domain")[:1]
        if name:
            return f"{domain[0]}\\{name[0]}" if domain else name[0]
    return first_word(data, "user.id")


def _line(data: Mapping[str, object], process: str) -> str | None:
    """The command line where only its arguments are told; joined as Elastic and Sysmon join them, unquoted."""
    return " ".join(words(data, f"{process}.args")) or None


def _lower(data: Mapping[str, object], path: str) -> frozenset[str]:
    return frozenset(one.lower() for one in words(data, path))


def _below(data: Mapping[str, object], subject: str) -> bool:
    return any(key.startswith(f"{subject}.") for key in data)


_HASHES = ("md5", "sha1", "sha256", "imphash")
