import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.errors import ConfigError
from mcp_siem.inventory.approved import Approval, ApprovedServer, parse_approved, render_approved

_HASH = "0123456789abcdef" * 4
_TIMES = st.integers(min_value=0, max_value=4_000_000_000_000_000)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
_APPROVALS = st.builds(
    Approval,
    kind=st.sampled_from(["tool", "prompt", "resource", "resource_template", "server"]),
    name=_TEXTS,
    hash=st.just(_HASH),
    by=st.none() | _TEXTS.filter(bool),
    at=st.none() | _TIMES,
)
_SERVERS = st.builds(
    ApprovedServer,
    name=_TEXTS,
    launch=_TEXTS,
    status=st.sampled_from([None, "approved", "blocked"]),
    package=st.none() | _TEXTS.filter(bool),
    by=st.none() | _TEXTS.filter(bool),
    at=st.none() | _TIMES,
    definitions=st.lists(_APPROVALS, max_size=3).map(tuple),
)


@pytest.mark.parametrize("form", ["toml", "json"])
@given(servers=st.lists(_SERVERS, max_size=4))
def test_a_list_that_was_written_reads_as_it_was(form: str, servers: list[ApprovedServer]) -> None:
    assert parse_approved(render_approved(servers, form), "f") == servers


def test_what_hides_in_a_name_is_spelled_in_the_file() -> None:
    name = 'a\u202e"\n\\\x1b[2J\U000e0041'
    text = render_approved([ApprovedServer(name=name, launch="", status="approved")], "toml")
    assert text.isascii()
    assert tomllib.loads(text)["server"][0]["name"] == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format = ", "not valid TOML"),
        ("{", "not valid JSON"),
        ("format = 2", "no approved list of a known format"),
        ("{}", "no approved list of a known format"),
        ("format = 1\nserver = 3", "is not a list"),
        ("format = 1\nserver = [3]", "server 1: is no table"),
        ("format = 1\n[[server]]\nlaunch = 'x'", "`name` is missing"),
        ("format = 1\n[[server]]\nname = 'x'\nstatus = 'fine'", "`status` is 'fine'"),
        ("format = 1\n[[server]]\nname = 'x'\nat = 'yesterday'", "`at` is no time"),
        ("format = 1\n[[server]]\nname = 'x'\ndefinition = 1", "`definition` is not a list"),
        ("format = 1\n[[server]]\nname = 'x'\ndefinition = [1]", "a definition is no table"),
        ("format = 1\n[[server]]\nname = 'x'\ndefinition = [{kind='tool',name='a',hash='f'}]", "no SHA-256"),
        (f"format = 1\n[[server]]\nname='x'\ndefinition=[{{kind='x',name='a',hash='{_HASH}'}}]", "`kind` is 'x'"),
    ],
)
def test_a_wrong_list_is_refused_with_the_next_step(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse_approved(text, "list.toml")
    assert str(caught.value.source).startswith("list.toml")
    assert caught.value.hint
