"""A SIEM in memory with both halves of a backend: what tests of plans and of deploying run against."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping

from mcp_siem.convert.target import Action, Change, Marker, Query, Refusal, Remote, Resource, Step
from mcp_siem.deploy.plan import spec_digest
from mcp_siem.rules.rule import Rule

__all__ = ["MemoryClient", "MemoryTarget"]

_OWNED = ("name", "query", "level", "tags", "type")


class MemoryClient:
    """Keeps documents by key. `before_write` is called with the verb and key of each write, and may raise."""

    def __init__(
        self,
        documents: Mapping[str, Mapping[str, object]] | None = None,
        *,
        before_write: Callable[[str, str], None] | None = None,
    ) -> None:
        self.documents: dict[str, dict[str, object]] = {
            key: copy.deepcopy(dict(value)) for key, value in (documents or {}).items()
        }
        self.writes = 0
        self._before_write = before_write

    def list(self) -> Iterator[Mapping[str, object]]:
        """A copy of every document, in the order of their keys."""
        return iter([copy.deepcopy(self.documents[key]) for key in sorted(self.documents)])

    def get(self, key: str) -> Mapping[str, object] | None:
        """A copy of one document, or None."""
        return copy.deepcopy(self.documents.get(key))

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        """Creates or replaces, and returns a copy of what is then held."""
        self._announce("put", key)
        self.documents[key] = copy.deepcopy(dict(document))
        return copy.deepcopy(self.documents[key])

    def delete(self, key: str) -> None:
        """Removes; a document that is already gone is fine."""
        self._announce("delete", key)
        self.documents.pop(key, None)

    def _announce(self, verb: str, key: str) -> None:
        if self._before_write is not None:
            self._before_write(verb, key)
        self.writes += 1


class MemoryTarget:
    """The pure half that fits `MemoryClient`: a document holds the owned fields, our marker, and an analyst's fields.

    Its writes go in two steps, as on a real SIEM: the object is written disabled under a marker that is not
    final, then enabled under the final one, so that an interruption between them is seen by the next plan. Its
    type cannot be changed: the object is deleted first.
    """

    name = "memory"

    def query(self, rule: Rule) -> Query | Refusal:
        """The text of the rule itself."""
        return Query(
            rule_id=rule.id,
            stem=rule.stem,
            target=self.name,
            language="sigma",
            text=rule.text,
            digest=spec_digest(rule.text),
        )

    def resource(self, query: Query, rule: Rule) -> Resource:
        """The document's owned fields for one rule."""
        return self.rendered(query.rule_id, name=rule.title, query=query.text, level=rule.level, tags=rule.tags)

    def rendered(self, key: str, **fields: object) -> Resource:
        """A resource from its owned fields."""
        spec = _canonical({name: fields[name] for name in _OWNED if name in fields})
        return Resource(address=f"{self.name}:{key}", spec=spec, digest=spec_digest(spec))

    def parse(self, document: Mapping[str, object]) -> Remote:
        """Reads one document, ours or not."""
        spec = _canonical({name: document[name] for name in _OWNED if name in document})
        return Remote(
            address=f"{self.name}:{document.get('key')}",
            marker=_marker(document.get("marker")),
            spec=spec,
            digest=spec_digest(spec),
            document=document,
        )

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        """Write disabled, then enable, or delete; whatever is not owned is carried through."""
        key = change.address.removeprefix(f"{self.name}:")
        if change.action is Action.NOOP:
            return []
        if change.action is Action.DELETE or change.after is None:
            return [Step(verb="delete", key=key, document=None, says=f"delete {key}")]
        document: dict[str, object] = {
            name: value for name, value in (remote.document if remote else {}).items() if name not in _OWNED
        }
        document.update(json.loads(change.after), key=key)
        enabled = document.get("enabled_before", document.get("enabled", True))
        draft = {**document, "enabled": False, "enabled_before": enabled, "marker": _marker_record(marker, final=False)}
        final = {**document, "enabled": enabled, "marker": _marker_record(marker, final=True)}
        final.pop("enabled_before", None)
        retyped = remote is not None and remote.document.get("type") != document.get("type")
        return [
            *(
                [Step(verb="delete", key=key, document=None, says=f"delete {key}, whose type changes")]
                if retyped
                else []
            ),
            Step(verb="put", key=key, document=draft, says=f"write {key} disabled"),
            Step(verb="put", key=key, document=final, says=f"enable {key}"),
        ]


def _marker(value: object) -> Marker | None:
    if not isinstance(value, dict):
        return None
    return Marker(
        applied=str(value.get("applied", "")), pack=str(value.get("pack", "")), tool=str(value.get("tool", ""))
    )


def _marker_record(marker: Marker, *, final: bool) -> dict[str, str]:
    return {"applied": marker.applied if final else "", "pack": marker.pack, "tool": marker.tool}


def _canonical(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
