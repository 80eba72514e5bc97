"""What happens to one address of a plan, by three digests: desired, applied, actual. Pure and total."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_siem.convert.target import Action, Change, Marker, Remote, Resource
from mcp_siem.deploy.wording import differences, printable

__all__ = ["Wishes", "Withheld", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A rule of the pack that is not deployed (off, or refused by the target), and why."""

    address: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller asked for, beside the two sides that are compared."""

    pack: str
    prune: bool
    adopt: frozenset[str]
    withheld: dict[str, Withheld] = field(default_factory=dict)


def decide(
    address: str, wanted: Sequence[tuple[Resource, str]], found: Sequence[Remote], wishes: Wishes
) -> Change | None:
    """The change of one address, or None where nothing of ours stands or should."""
    if not wanted:
        return _without_rule(address, found, wishes)
    resource, title = min(wanted, key=lambda item: (item[0].digest, item[0].spec, item[1]))
    if not found:
        return Change(address=address, title=title, action=Action.CREATE, before=None, after=resource.spec)
    if len(found) > 1:
        return _ambiguous(address, title, resource.spec, found)
    only = found[0]
    if only.marker is None:
        return _not_ours(resource, title, only, wishes)
    return _compared(resource, title, only, only.marker)


def _compared(resource: Resource, title: str, remote: Remote, marker: Marker) -> Change:
    """The three digests: desired (the rule), applied (our marker), actual (what stands there now)."""
    settled = remote.digest == resource.digest
    edited = remote.digest != marker.applied and not settled
    done = settled and marker.applied == resource.digest
    fields = tuple(dict.fromkeys(item.field for item in differences(remote.spec, resource.spec))) if edited else ()
    return Change(
        address=resource.address,
        title=title,
        action=Action.NOOP if done else Action.UPDATE,
        before=remote.spec,
        after=resource.spec,
        reasons=() if done else _why(resource, remote, marker),
        drifted=fields or (("spec",) if edited else ()),
        seen=remote.digest,
    )


def _why(resource: Resource, remote: Remote, marker: Marker) -> tuple[str, ...]:
    if remote.digest == resource.digest:
        return ("the object already says what the rule says; only our marker is renewed",)
    if remote.digest == marker.applied:
        lead = "the rule changed since it was applied"
    elif marker.applied == resource.digest:
        lead = "drift: changed on the SIEM since it was applied; apply restores the rule"
    else:
        lead = "drift: changed on the SIEM since it was applied, and the rule changed too; apply writes the rule"
    return (lead, *(item.says for item in differences(remote.spec, resource.spec)))


def _ambiguous(address: str, title: str, after: str | None, found: Sequence[Remote]) -> Change:
    first = min(found, key=lambda item: (item.digest, item.spec))
    names = ", ".join(sorted(_name(item) for item in found))
    reason = (
        f"{len(found)} objects on the SIEM carry the id of this rule ({names}); nothing is written "
        "until all but one are deleted there or stripped of the mcp-siem marker"
    )
    return Change(
        address=address,
        title=title,
        action=Action.NOOP,
        before=first.spec,
        after=after,
        reasons=(reason,),
        seen=first.digest,
    )


def _not_ours(resource: Resource, title: str, remote: Remote, wishes: Wishes) -> Change:
    adopting = resource.address in wishes.adopt
    lead = (
        "an object of this id exists and is not ours yet; it is adopted as asked"
        if adopting
        else f"an object of this id exists without our marker ({_name(remote)}): not ours, never touched; "
        "adopt it, or delete it on the SIEM"
    )
    return Change(
        address=resource.address,
        title=title,
        action=Action.ADOPT if adopting else Action.NOOP,
        before=remote.spec,
        after=resource.spec,
        reasons=(lead, *(item.says for item in differences(remote.spec, resource.spec))),
        seen=remote.digest,
    )


def _without_rule(address: str, found: Sequence[Remote], wishes: Wishes) -> Change | None:
    ours = [item for item in found if item.marker is not None]
    if not ours:
        return None
    title = wishes.withheld[address].title if address in wishes.withheld else _name(ours[0])
    if len(found) > 1:
        return _ambiguous(address, title, None, found)
    only = ours[0]
    kept = _why_kept(only, wishes)
    return Change(
        address=address,
        title=title,
        action=Action.NOOP if kept else Action.DELETE,
        before=only.spec,
        after=None,
        reasons=(kept or "no rule of the pack stands behind it any more; deleted as asked",),
        seen=only.digest,
    )


def _why_kept(remote: Remote, wishes: Wishes) -> str | None:
    """Why an object of ours without a rule stays, or None if it goes."""
    marker = remote.marker
    if remote.address in wishes.withheld:
        return f"its rule is in the pack and not deployed now ({wishes.withheld[remote.address].reason}); left as it is"
    if marker is not None and wishes.pack and _pack_name(marker.pack) != _pack_name(wishes.pack):
        return f"it belongs to another pack ({printable(marker.pack)}); left as it is"
    if not wishes.prune:
        return "no rule of the pack stands behind it any more; kept until a plan is made with prune"
    if marker is not None and marker.applied != remote.digest:
        return "no rule stands behind it, but somebody edited it since it was applied; delete it on the SIEM by hand"
    return None


def _pack_name(pack: str) -> str:
    """The name in `name@version`: a rule that a new version dropped was deployed by an older version of the same pack."""
    return pack.rpartition("@")[0] or pack


def _name(remote: Remote) -> str:
    for key in ("name", "title"):
        value = remote.document.get(key)
        if isinstance(value, str) and value:
            return printable(value)
    return remote.address
