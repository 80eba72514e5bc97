"""What is known of the server at the end of a connection: how it was launched, and which folders it may serve."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from mcp_siem.inventory.launch import Launch, read_launch, serves_files, words_of
from mcp_siem.inventory.paths import nearest_root, outside, root_of_uri
from mcp_siem.sources.capture import Place
from mcp_siem.sources.shape import items, mapping, strings, text

__all__ = ["Serving", "Servings", "launch_of", "place_fields", "roots_in"]

_MAX_SERVINGS = 5_000
_MAX_ROOTS = 50
_SHORT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One server as its connection shows it. `new` says that no inventory knew it when this connection began.

    `launch` is its command line, free of secrets; `roots` come from there, `told_roots` from its client.
    """

    launch: str | None = None
    package: str | None = None
    version: str | None = None
    roots: tuple[str, ...] = ()
    told_roots: tuple[str, ...] = ()
    new: bool = False


class Servings:
    """The servers of all connections of an input; the longest unused is forgotten first."""

    def __init__(self, *, limit: int = _MAX_SERVINGS) -> None:
        self._known: OrderedDict[tuple[str | None, int | None, str | None], Serving] = OrderedDict()
        self._limit = limit

    def __len__(self) -> int:
        return len(self._known)

    def of(self, place: Place) -> Serving | None:
        """What is known of the server of a connection."""
        return self._known.get(_key(place))

    def learn(self, place: Place, **facts: Any) -> Serving:
        """Remembers more of it."""
        key = _key(place)
        found = self._known[key] = replace(self._known.get(key, Serving()), **facts)
        self._known.move_to_end(key)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        return found

    def forget(self, place: Place) -> None:
        """The connection has ended."""
        self._known.pop(_key(place), None)

    def dump(self) -> list[object]:
        """All that is known, as plain data, the longest unused first."""
        return [[*key, asdict(serving)] for key, serving in self._known.items()]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        self._known = OrderedDict(((server, pid, end), _loaded(facts)) for server, pid, end, facts in dumped)


def launch_of(started: object) -> Launch:
    """What a `process_start` says of a server: the words of its command, or the command in one text."""
    words = tuple(words_of(started) if isinstance(started, str) else strings(started))
    return _read(words) if sum(map(len, words)) <= _SHORT else read_launch(words)


# A server is started again and again, and what it says of it is read twice.
_read = lru_cache(maxsize=512)(read_launch)


def roots_in(method: str, params: object, result: object) -> list[str] | None:
    """The folders that a client tells its server: in the answer to `roots/list`, or with a request (2026-07-28)."""
    if method != "roots/list" and not (isinstance(params, dict) and "inputResponses" in params):
        return None
    told = [mapping(result)] if method == "roots/list" else []
    told += [mapping(one) for one in mapping(mapping(params).get("inputResponses")).values()]
    listed = [one["roots"] for one in told if isinstance(one.get("roots"), list)]
    if not listed:
        return None
    uris = [text(mapping(root).get("uri")) for root in items(listed[-1])[:_MAX_ROOTS]]
    return [path for uri in uris if uri and (path := root_of_uri(uri))]


def place_fields(serving: Serving | None, event: Mapping[str, object]) -> dict[str, object]:
    """Whether the paths of a call lie inside the folders that its server may serve, and which folder was meant."""
    paths = strings(event.get("mcp.argument.path"))
    roots = () if serving is None else _roots(serving, event)
    left = outside(paths, roots) if roots else None
    if left is None:
        return {}
    if left and len(paths) > 1:
        # Of several files each may be refused alone, in words, within one success.
        answer = text(event.get("mcp.response.text")) or ""
        left = [path for path in left if f"{path}: Error" not in answer]
        if not left:
            return {}
    return {"mcp.fs.root": nearest_root(left[0] if left else paths[0], roots), "mcp.fs.inside": not left}


def _roots(serving: Serving, event: Mapping[str, object]) -> Sequence[str]:
    """What its client tells binds a server that serves files; to any other it is advice."""
    names = (serving.package, text(event.get("mcp.server.name")), text(event.get("mcp.server.info.name")))
    told = serving.told_roots if serving.told_roots and (serving.roots or serves_files(*names)) else ()
    return (*serving.roots, *told)


def _key(place: Place) -> tuple[str | None, int | None, str | None]:
    return place.server, place.pid, place.session or place.endpoint


def _loaded(facts: Mapping[str, Any]) -> Serving:
    lists: Mapping[str, Sequence[str]] = {name: facts[name] for name in ("roots", "told_roots")}
    return Serving(**{**facts, **{name: tuple(map(str, listed)) for name, listed in lists.items()}})
