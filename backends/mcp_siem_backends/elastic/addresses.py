"""An IPv4 network as a pattern of its addresses, for fields that the index holds as text. Pure."""

from ipaddress import IPv4Network

from mcp_siem.convert.pattern import EMPTY, Chars, Node, alt, literal, repeat, seq

__all__ = ["network_pattern"]

_OCTET = 256


def network_pattern(network: IPv4Network) -> Node:
    """Exactly the dotted quads of the network, without leading zeros, and their IPv4-mapped form `::ffff:1.2.3.4`."""
    first, last = network.network_address.packed, network.broadcast_address.packed
    octets = [_octet(low, high) for low, high in zip(first, last, strict=True)]
    dotted = seq(node for octet in octets for node in (octet, literal(".")))
    quad = seq(dotted.items[:-1]) if hasattr(dotted, "items") else dotted
    f = Chars(((0x46, 0x46), (0x66, 0x66)))
    return seq([alt([EMPTY, seq([literal("::"), repeat(f, 4, 4), literal(":")])]), quad])


def _octet(low: int, high: int) -> Node:
    """The decimal numbers from `low` to `high`; the common full range is written short."""
    if (low, high) == (0, _OCTET - 1):
        digit = Chars(((0x30, 0x39),))
        upto = [
            seq([literal("25"), Chars(((0x30, 0x35),))]),
            seq([literal("2"), Chars(((0x30, 0x34),)), digit]),
            seq([literal("1"), digit, digit]),
            seq([repeat(Chars(((0x31, 0x39),)), 0, 1), digit]),
        ]
        return alt(upto)
    return alt(literal(str(number)) for number in range(low, high + 1))
