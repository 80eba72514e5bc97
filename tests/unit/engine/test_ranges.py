"""One search among limits says what each comparison says by itself."""

import random
from ipaddress import ip_network

from mcp_siem.engine.predicates import OPERATORS, Cidr, Compare
from mcp_siem.engine.ranges import AddressRanges, NumberRanges
from mcp_siem.engine.reader import Reader
from mcp_siem.engine.values import Reading


def test_numbers_lie_where_each_comparison_says() -> None:
    rng = random.Random(1)
    limits = [-2, -1.5, 0, 1, 1.0, 2, 10**20, float(10**20), 10**400, float("inf")]
    for _ in range(300):
        tests = [
            (1 << at, Compare(operator=rng.choice(list(OPERATORS)), number=rng.choice(limits)))
            for at in range(rng.randrange(1, 9))
        ]
        ranges = NumberRanges(tests)
        for value in [*limits[:-1], -3, 0.5, 1.75, 3, 10**20 + 1, 10**500, -(10**500)]:
            exact = sum(bit for bit, test in tests if test.holds(Reading(value)))
            assert ranges.mask(value) == exact, (tests, value)


def test_a_comparison_with_no_number_never_holds() -> None:
    reader = Reader({Compare(operator="gt", number=float("nan")): 4, Compare(operator="gt", number=1): 8})
    assert [reader.mask(value) for value in (2, "2", 1, True, None)] == [8, 8, 0, 0, 0]


_NETWORKS = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.255.255.255/32",
    "255.255.255.0/24",
    "::/0",
    "::ffff:10.0.0.0/104",
]
_NETWORKS += ["2001:db8::/32", "10.0.0.0/9", "128.0.0.0/1"]
_TEXTS = [
    "10.0.0.1",
    "10.1.255.255",
    "10.255.255.255",
    "11.0.0.0",
    "255.255.255.255",
    "0.0.0.0",  # noqa: S104 - an address as data
    "127.255.255.255",
    "128.0.0.0",
]
_TEXTS += [
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "fe80::1%eth0",
    "::10.0.0.1",
    "10.0.0",
    "10.0.0.1.1",
    "10.0.0.01",
    "10.0.0.256",
]
_TEXTS += [
    "10.0.0.1 ",
    "٣.0.0.1",
    "",
    "...",
    "10.0.0.1/8",
    "1.2.3.4:80",
    "a.b.c.d",
    "+1.0.0.1",
    "10..0.1",
    "0x1.0.0.1",
    "1_0.0.0.1",
]


def test_addresses_lie_where_each_network_says() -> None:
    rng = random.Random(2)
    for _ in range(100):
        chosen = rng.sample(_NETWORKS, rng.randrange(1, 8))
        tests = [(1 << at, Cidr(network=ip_network(one))) for at, one in enumerate(chosen)]
        ranges = AddressRanges(tests)
        for text in [*_TEXTS, ".".join(str(rng.randrange(256)) for _ in range(4))]:
            assert ranges.mask(text) == sum(bit for bit, test in tests if test.holds(Reading(text))), (chosen, text)
