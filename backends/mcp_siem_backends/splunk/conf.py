"""The files of a Splunk app: saved searches, the macros that bound them, and the source type of what we ship."""

import json
from collections.abc import Mapping, Sequence

from mcp_siem.convert.target import Marker, Resource
from mcp_siem_backends.splunk.payload import created_fields, described
from mcp_siem_backends.splunk.scope import ENDPOINT_MACRO, INDEX_MACRO, SOURCETYPE

__all__ = ["conf_value", "macros_conf", "props_conf", "savedsearches_conf"]

# The names of savedsearches.conf where REST has others.
_CONF_NAMES = {
    "alert_comparator": "relation",
    "alert_threshold": "quantity",
    "alert_type": "counttype",
    "is_scheduled": "enableSched",
}


def savedsearches_conf(resources: Sequence[Resource]) -> str:
    """Every resource as a stanza, sorted by name; installed, they are ours as if written over REST."""
    stanzas = sorted(_stanza(resource) for resource in resources)
    return "\n".join(stanzas)


def _stanza(resource: Resource) -> str:
    spec: dict[str, str] = json.loads(resource.spec)
    rule_id = resource.address.partition(":")[2]
    created = created_fields(spec, rule_id)
    name = created.pop("name")
    marker = Marker(applied=resource.digest, pack="conf", tool="mcp-siem")
    fields = {**created, **spec, "description": described(spec["description"], rule_id, marker)}
    return _section(name, {_CONF_NAMES.get(key, key): value for key, value in fields.items()})


def macros_conf() -> str:
    """Where events are; a site overrides both in its own local/macros.conf."""
    return (
        _section(INDEX_MACRO, {"definition": "(index=mcp)", "iseval": "0"})
        + "\n"
        + _section(ENDPOINT_MACRO, {"definition": "(index=main)", "iseval": "0"})
    )


def props_conf() -> str:
    """The source type: JSON fields, no cut. The other cut, [kv] maxchars, stands in limits.conf, which apps may not set."""
    return _section(SOURCETYPE, {"KV_MODE": "json", "SHOULD_LINEMERGE": "0", "TRUNCATE": "0"})


def _section(name: str, fields: Mapping[str, str]) -> str:
    lines = [f"{key} = {conf_value(value)}" for key, value in sorted(fields.items())]
    return "\n".join([f"[{name}]", *lines]) + "\n"


def conf_value(value: str) -> str:
    """A value for a .conf file: a line break is a backslash before it, so no line may end in one of its own."""
    return "\\\n".join(f"{line} " if line.endswith("\\") else line for line in value.split("\n"))
