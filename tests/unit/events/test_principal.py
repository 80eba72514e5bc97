import pytest

from mcp_siem.events.principal import principal_of

EVERYTHING = {
    "user.id": "u-1",
    "user.email": "a@example.org",
    "source.ip": "192.0.2.1",
    "host.name": "laptop",
    "process.pid": 42,
    "mcp.server.name": "files",
}


@pytest.mark.parametrize(
    ("missing", "principal"),
    [
        ([], "u-1"),
        (["user.id"], "a@example.org"),
        (["user.id", "user.email"], "192.0.2.1"),
        (["user.id", "user.email", "source.ip"], "laptop/42"),
        (["user.id", "user.email", "source.ip", "host.name"], "files/42"),
        (["user.id", "user.email", "source.ip", "host.name", "process.pid"], "files"),
        (list(EVERYTHING), None),
    ],
)
def test_the_caller_is_the_best_that_the_event_knows(missing: list[str], principal: str | None) -> None:
    assert principal_of({name: value for name, value in EVERYTHING.items() if name not in missing}) == principal


@pytest.mark.parametrize("empty", ["", "  ", None, [], True, {}, 10**5000], ids=lambda value: type(value).__name__)
def test_an_empty_or_odd_value_is_nobody(empty: object) -> None:
    assert principal_of(EVERYTHING | {"user.id": empty}) == "a@example.org"
