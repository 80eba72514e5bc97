"""How the server of an event stands in the inventory: approved, known, unknown or blocked, and whom it imitates."""

import hashlib
import re
from datetime import date, timedelta

from mcp_siem.inventory.book import Inventory
from mcp_siem.inventory.server import identity
from mcp_siem.sources.capture import Place
from mcp_siem.sources.serving import Serving, Servings
from mcp_siem.sources.shape import strings, text

__all__ = ["Standings", "believable"]

_DAY = 86_400_000_000
_ENDS = frozenset({"process_exit", "disconnect"})
_REVISION = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]")
_NEWEST = "2026-07-28"
_EPOCH = date(1970, 1, 1)
_LAST_DAY = 2_932_896
_MOST_HOSTS = 20


class Standings:
    """Asks one inventory about the servers of an input, and tells it what is seen of them."""

    def __init__(self, inventory: Inventory, servings: Servings) -> None:
        self._inventory = inventory
        self._servings = servings

    def space(self, place: Place, name: str | None) -> str | None:
        """Which server of the inventory a connection belongs to; None if it shows neither name nor launch."""
        serving = self._servings.of(place)
        launch = serving.launch if serving is not None else None
        if launch is None and place.endpoint:
            launch = identity(place.endpoint.lower())
        found = self._inventory.space(name, launch)
        return found if found is not None or launch is None else self._inventory.space("", launch)

    def enrol(self, dataset: str, place: Place, event: dict[str, object]) -> None:
        """Adds to an event how its server stands; from now on the inventory knows it."""
        action = event.get("event.action")
        if action in _ENDS:
            return
        name = text(event.get("mcp.server.name"))
        space = self.space(place, name)
        if space is None:
            return
        # A server that has just started may yet say its name: until then it is nobody new.
        if name is None and action == "process_start" and self._inventory.server(space) is None:
            return
        server, new = self._inventory.meet(space, place.time)
        serving = self._servings.of(place)
        if new:
            serving = self._servings.learn(place, new=True)
        is_new = serving is not None and serving.new and (place.time or 0) - server.first_seen <= _DAY
        event["mcp.inventory.status"] = server.status or ("unknown" if is_new else "known")
        if dataset in ("mcp.session", "mcp.inventory"):
            self._look(dataset, space, event, serving)
        elif event.get("mcp.method.name") == "tools/call":
            self._use(place, space, event)

    def _look(self, dataset: str, space: str, event: dict[str, object], serving: Serving | None) -> None:
        name = text(event.get("mcp.server.name"))
        imitated = None if name is None else self._inventory.lookalike(name)
        if imitated is not None:
            event["mcp.server.lookalike_of"] = imitated
        if serving is not None and serving.package is not None and "mcp.package.name" not in event:
            event["mcp.package.name"] = serving.package
            if serving.version is not None:
                event["mcp.package.version"] = serving.version
        if dataset == "mcp.session":
            self._inventory.describe(
                space,
                package=serving and serving.package,
                package_version=serving and serving.version,
                roots=(*serving.roots, *serving.told_roots) if serving else (),
                info_version=text(event.get("mcp.server.info.version")),
            )

    def _use(self, place: Place, space: str, event: dict[str, object]) -> None:
        tool = text(event.get("gen_ai.tool.name"))
        caller = next(filter(None, (text(event.get(name)) for name in _CALLERS)), None)
        if (
            tool is not None
            and caller is not None
            and self._inventory.first(_use("tool", space, tool, caller), place.time)
        ):
            event["mcp.enrich.first_use"] = True
        for host in strings(event.get("mcp.argument.host"))[:_MOST_HOSTS]:
            if self._inventory.first(_use("host", space, host.lower()), place.time):
                event["mcp.enrich.first_destination"] = True


# The caller as far as it outlives a process: a pid says nothing tomorrow.
_CALLERS = ("user.id", "user.email", "source.ip", "mcp.client.name")


def _use(*parts: str) -> str:
    """A use as a digest: the inventory need not hold who called what."""
    said = "\0".join(part.replace("\0", "\0\0") for part in parts)
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def believable(revision: object, time: int | None) -> str | None:
    """The revision if there is one of that name, or could be by the time of the event: none is of the future."""
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        return None
    if revision <= _NEWEST:
        return revision
    days = min(max((time or 0) // _DAY, 0), _LAST_DAY)
    return revision if revision <= (_EPOCH + timedelta(days=days)).isoformat() else None
