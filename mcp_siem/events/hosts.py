"""The host a URL or an argument names, in each spelling that reaches the same machine."""

import ipaddress
import re
from urllib.parse import unquote

from mcp_siem.events.characters import normalised

__all__ = ["host_of_url", "host_spellings"]

# WHATWG: tabs and line breaks inside a URL do not count, a backslash is a slash, whatever stands before @ is a user, and
# of the schemes of the web a third slash means nothing (`http:///host`), while `file:///x` has no host.
_IGNORED = re.compile(r"[\t\r\n]")
_AUTHORITY = re.compile(r"(?:(?:https?|wss?|ftp):[/\\]{2,}|[^/?#\\]*[/\\]{2})([^/?#\\]*)", re.IGNORECASE)
_PORT = re.compile(r":\d{0,5}$")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{0,16}|\d{1,20}", re.ASCII)
_PARTS_OF_IPV4 = 4


def host_of_url(url: str) -> str | None:
    """The host of a URL without user, port, brackets and case; None if it has none."""
    authority = _AUTHORITY.match(_IGNORED.sub("", url).strip())
    if authority is None:
        return None
    return _bare(authority[1].rpartition("@")[2])


def _bare(host: str) -> str | None:
    if host.startswith("["):
        return host[1:].partition("]")[0].casefold() or None
    host = normalised(unquote(_PORT.sub("", host), errors="replace"), "NFKC")
    return host.strip(". \t").casefold() or None


def host_spellings(host: str) -> tuple[str, ...]:
    """The host as written and, of an address in a disguise (decimal, octal, mapped), the plain one as well."""
    bare = _bare(host) if host.count(":") < 2 else host.strip("[]").casefold()  # noqa: PLR2004 - two colons: IPv6
    if bare is None:
        return ()
    plain = _plain_ipv4(bare) or _mapped_ipv4(bare)
    return (bare, plain) if plain and plain != bare else (bare,)


def _plain_ipv4(host: str) -> str | None:
    """Reads an IPv4 address as inet_aton does: one to four parts, decimal, octal or hexadecimal."""
    parts = host.split(".")
    if len(parts) > _PARTS_OF_IPV4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *head, last = (_number(part) for part in parts)
    except ValueError:
        return None
    room = 256 ** (_PARTS_OF_IPV4 - len(head))
    if last >= room or any(part > 255 for part in head):  # noqa: PLR2004 - a byte
        return None
    value = last + sum(part << (24 - 8 * index) for index, part in enumerate(head))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if part[:2] in {"0x", "0X"}:
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)


def _mapped_ipv4(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped) if mapped else None
