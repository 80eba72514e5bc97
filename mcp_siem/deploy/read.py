"""Reads what a SIEM holds for a plan: all that carries our marker, and whatever stands at an id we want."""

from collections.abc import Iterable

from mcp_siem.convert.target import Remote, Target
from mcp_siem.deploy.client import Client

__all__ = ["key_of", "read_remotes"]


def key_of(address: str) -> str:
    """The client's key of an address `<target>:<rule uuid>`."""
    return address.partition(":")[2]


def read_remotes(target: Target, client: Client, addresses: Iterable[str]) -> tuple[Remote, ...]:
    """Every object of ours, and for each address that has none the object that would collide with it."""
    remotes = [target.parse(document) for document in client.list()]
    found = {remote.address for remote in remotes}
    for address in sorted(set(addresses) - found):
        document = client.get(key_of(address))
        if document is not None:
            remotes.append(target.parse(document))
    return tuple(remotes)
