"""The interpreter on the examples of Splunk's own pages: what the page says comes out, what no page says is refused.

Pages of the Search Reference and the Search Manual (9.4), named at each table.
"""

from collections.abc import Mapping, Sequence

import pytest
from spl_dialect import Dialect, UnknownSplError, all_dialects
from spl_expression import parse_expression
from spl_pipeline import Search
from spl_rows import Row


def _row(time: float = 0.0, **fields: object) -> Row:
    texts = {
        name: tuple(map(str, value)) if isinstance(value, list) else (str(value),) for name, value in fields.items()
    }
    return Row(fields=texts | {"_time": (repr(time),)}, time=time, mark=fields.get("id"))


def _found(search: str, rows: Sequence[Row], dialect: Dialect | None = None) -> list[object]:
    return [row.mark for row in Search(search, dialect or Dialect()).run(rows)]


# "Boolean expressions": `search` takes NOT, then OR, then AND; `where` and `eval` take NOT, then AND, then OR.
BINDING = [_row(id=1, A=1, B=9, C=3), _row(id=2, A=9, B=9, C=3), _row(id=3, A=1, B=2, C=9)]


def test_search_binds_or_before_and_and_where_does_not() -> None:
    assert set(_found("A=1 AND B=2 OR C=3", BINDING)) == {1, 3}
    assert set(_found("* | where A=1 AND B=2 OR C=3", BINDING)) == {1, 2, 3}
    assert set(_found("* | where NOT A=1 AND C=3", BINDING)) == {2}


# "search": the comparison operators, IN, the difference between NOT and !=, CIDR, case, the wildcard.
FIELDS = [_row(id=1, f="value1"), _row(id=2, f="VALUE2"), _row(id=3), _row(id=4, f=["value1", "value2"])]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("f=value1", {1, 4}),
        ('f="value2"', {2, 4}),
        ("f=val*", {1, 2, 4}),
        ("f=*", {1, 2, 4}),
        ("NOT f=value1", {2, 3}),
        ("NOT f=*", {3}),
        ("f IN (value1, value2)", {1, 2, 4}),
        ("NOT f IN (value1, value2)", {3}),
    ],
)
def test_search_finds_what_its_page_says(search: str, found: set[int]) -> None:
    assert set(_found(search, FIELDS)) == found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ('ip="10.9.165.0/25"', {1}),
        ('ip="2001:db8::/32"', {2}),
        ("n>400", {3, 4}),
        ("n<=406 n>=400", {3}),
    ],
)
def test_networks_and_orders_compare_by_value(search: str, found: set[int]) -> None:
    rows = [_row(id=1, ip="10.9.165.8"), _row(id=2, ip="2001:db8::1"), _row(id=3, n=404), _row(id=4, n=1000)]
    assert set(_found(search, rows)) == found


# "Comparison and conditional", "Conversion", "Mathematical", "Multivalue", "Statistical eval" and "Text functions".
EXAMPLES: list[tuple[str, Mapping[str, object], object]] = [
    ('case(error==200, "OK", error==404, "Not found")', {"error": 404}, "Not found"),
    ('case(error==200, "OK", error==404, "Not found")', {"error": 500}, None),
    ('if(error==200, "OK", "Error")', {"error": 200}, "OK"),
    ('if(error==200, "OK", "Error")', {}, "Error"),
    ("coalesce(clientip, ipaddress)", {"ipaddress": "192.0.2.1"}, "192.0.2.1"),
    ('cidrmatch("10.0.0.0/24", "10.0.0.42")', {}, True),
    ('cidrmatch("192.0.2.0/24", ip)', {"ip": "192.0.3.0"}, False),
    ('match(ip, "^\\d{1,3}\\.\\d{1,3}")', {"ip": "192.0.2.1"}, True),
    ("isnull(field)", {}, True),
    ("isnotnull(field)", {"field": ""}, True),
    ("floor(1.9)", {}, 1.0),
    ("tonumber(n)+1", {"n": "42"}, 43.0),
    ("tonumber(n)", {"n": "many"}, None),
    ("lower(name)", {"name": "ADMIN"}, "admin"),
    ("len(name)", {"name": "four"}, 4.0),
    ('replace(date, "^(\\d{1,2})/(\\d{1,2})/", "\\2/\\1/")', {"date": "1/14/2023"}, "14/1/2023"),
    ('substr("string", 1, 3)', {}, "str"),
    ('split("a;b;c", ";")', {}, ("a", "b", "c")),
    ("mvcount(to)", {"to": ["a", "b"]}, 2.0),
    ("mvcount(to)", {}, None),
    ("mvdedup(to)", {"to": ["a", "b", "a"]}, ("a", "b")),
    ("mvappend(one, two)", {"one": "x", "two": ["y", "z"]}, ("x", "y", "z")),
    ('mvfilter(match(email, "\\.net$") OR match(email, "\\.org$"))', {"email": ["a@b.net", "c@d.com", "e@f.org"]},
     ("a@b.net", "e@f.org")),
    ('mvfind(lines, "err\\d+")', {"lines": ["ok", "err12"]}, 1.0),
    ('mvfind(lines, "err\\d+")', {"lines": ["ok"]}, None),
    ("mvindex(lines, 1)", {"lines": ["ok", "err"]}, "err"),
    ("mvrange(0, 3)", {}, ("0", "1", "2")),
    ('mvzip(hosts, ports, "|")', {"hosts": ["a", "b"], "ports": ["1", "2"]}, ("a|1", "b|2")),
    ("mvmap(n, tonumber(n)*10)", {"n": ["1", "2"]}, ("10", "20")),
    ("max(n)", {"n": ["3", "10", "9"]}, 10.0),
    ("min(n)", {"n": ["3", "10", "9"]}, 3.0),
    ("sum(n)", {"n": ["3", "10", "9"]}, 22.0),
    ("sum(n)", {}, None),
    ('a."-".b', {"a": "x", "b": "y"}, "x-y"),
    ("'user-agent'=\"x\"", {"user-agent": "x"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fields", "value"), EXAMPLES, ids=[text for text, _, _ in EXAMPLES])
def test_an_eval_function_gives_what_its_page_says(text: str, fields: Mapping[str, object], value: object) -> None:
    for dialect in all_dialects():
        assert parse_expression(text, dialect)(_row(**fields)) == value


# "streamstats": window, current, global and time_window; "sort": 0 lifts the limit; "mvexpand"; "rename".
STREAM = [_row(time=t, id=t, k=k, n=t) for t, k in enumerate("aabab")]


def _column(search: str, name: str) -> list[str]:
    return [row.fields.get(name, ("-",))[0] for row in Search(search, Dialect()).run(STREAM)]


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ("count AS x", ["1", "2", "3", "4", "5"]),
        ("count AS x BY k", ["1", "2", "1", "3", "2"]),
        ("current=f count AS x", ["0", "1", "2", "3", "4"]),
        ("window=2 count AS x", ["1", "2", "2", "2", "2"]),
        ("window=2 global=f min(n) AS x BY k", ["0", "0", "2", "1", "2"]),
        ("time_window=2s max(n) AS x", ["0", "1", "2", "3", "4"]),
        ("max(n) AS x BY k", ["0", "1", "2", "3", "4"]),
    ],
)
def test_streamstats_looks_back_as_its_page_says(options: str, values: list[str]) -> None:
    assert _column(f"* | sort 0 _time | streamstats {options}", "x") == values


def test_the_far_edge_of_a_time_window_is_read_both_ways() -> None:
    search = "* | sort 0 _time | streamstats time_window=2s min(n) AS x"
    closed, opened = (
        [row.fields["x"][0] for row in Search(search, Dialect(window_is_open=is_open)).run(STREAM)]
        for is_open in (False, True)
    )
    assert (closed, opened) == (["0", "0", "0", "1", "2"], ["0", "0", "1", "2", "3"])


def test_mvexpand_makes_a_row_of_each_value_and_rename_moves_a_field() -> None:
    rows = Search("* | mvexpand to | rename to AS target", Dialect()).run([_row(to=["x", "y"])])
    assert [row.fields["target"] for row in rows] == [("x",), ("y",)]


@pytest.mark.parametrize(
    "search",
    [
        "foo bar",
        'f="a*b"',
        r'f="a\*"',
        "f=x | stats count",
        "f=x | bin _time span=5m",
        "f=x [search g=y]",
        "f=x | where unknown(f)",
        "f=x | where foo(",
        "`unknown_macro` f=x",
        'f="\u00e9"',
        "f=x | sort 10 _time",
        "f=x | streamstats window=3 count AS c BY k",
        "f=x | streamstats window=20000 count AS c",
        'f="open',
    ],
)
def test_what_no_page_settles_or_this_interpreter_does_not_know_is_refused(search: str) -> None:
    with pytest.raises(UnknownSplError):
        Search(search, Dialect()).run([_row(f="x", k="1")])
