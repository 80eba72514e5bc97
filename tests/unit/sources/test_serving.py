from typing import Any

import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.sources.wire import WireSession

_FS = ["npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/data"]
_OK = {"content": [{"type": "text", "text": "x"}]}


@pytest.fixture
def real_tap(tap: Any) -> Any:
    """A tap whose events are completed as a user's are: paths are found by the deriver."""
    tap.deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"k"))
    tap.session = WireSession(tap.deriver, KnownItems())
    return tap


def _start(tap: Any, command: object = None, **where: Any) -> dict[str, object]:
    row = {"ts": 1_750_000_000, "server": "fs", "pid": 7, **where, "direction": "meta"}
    (event,) = tap.line_of({**row, "message": {"process_start": command or _FS}})
    return dict(event)


def _read(tap: Any, *paths: str, result: object = None, **where: Any) -> dict[str, object]:
    where = {"server": "fs", "pid": 7, **where}
    arguments = {"path": paths[0]} if len(paths) == 1 else {"paths": list(paths)}
    tap.client({"id": 1, "method": "tools/call", "params": {"name": "read_file", "arguments": arguments}}, **where)
    (event,) = tap.server({"id": 1, "result": result or _OK}, **where)
    return dict(event)


def _roots(tap: Any, *uris: str, **where: Any) -> None:
    where = {"server": "fs", "pid": 7, **where}
    tap.server({"id": "r", "method": "roots/list"}, **where)
    tap.client({"id": "r", "result": {"roots": [{"uri": uri} for uri in uris]}}, **where)


def test_a_start_names_the_package(real_tap: Any) -> None:
    told = _start(real_tap)
    assert told["mcp.package.name"] == "@modelcontextprotocol/server-filesystem"
    assert told["mcp.package.version"] == "latest"


def test_calls_of_a_file_server_say_whether_their_paths_lie_inside_its_root(real_tap: Any) -> None:
    _start(real_tap)
    assert _read(real_tap, "/srv/data/x")["mcp.fs.inside"] is True
    told = _read(real_tap, "/srv/data_private/x")
    assert (told["mcp.fs.inside"], told["mcp.fs.root"]) == (False, "/srv/data")


def test_resources_are_judged_as_calls_are(real_tap: Any) -> None:
    _start(real_tap)
    where = {"server": "fs", "pid": 7}
    real_tap.client({"id": 1, "method": "resources/read", "params": {"uri": "file:///etc/passwd"}}, **where)
    (event,) = real_tap.server({"id": 1, "result": {"contents": []}}, **where)
    assert event["mcp.fs.inside"] is False


def test_one_path_outside_among_others_is_seen_unless_it_was_refused_alone(real_tap: Any) -> None:
    _start(real_tap)
    assert _read(real_tap, "/srv/data/x", "/etc/passwd")["mcp.fs.inside"] is False
    refused = {"content": [{"type": "text", "text": "/srv/data/x: fine\n/etc/passwd: Error - Access denied"}]}
    assert "mcp.fs.inside" not in _read(real_tap, "/srv/data/x", "/etc/passwd", result=refused)


def test_a_server_without_a_root_and_another_process_are_not_judged(real_tap: Any) -> None:
    _start(real_tap)
    assert "mcp.fs.inside" not in _read(real_tap, "/etc/passwd", pid=8)
    _start(real_tap, ["npx", "server-memory"], pid=9)
    assert "mcp.fs.inside" not in _read(real_tap, "/etc/passwd", pid=9)


def test_a_process_that_ends_takes_its_root_with_it(real_tap: Any) -> None:
    _start(real_tap)
    real_tap.line_of({"ts": 1, "server": "fs", "pid": 7, "direction": "meta", "message": {"process_exit": 0}})
    assert "mcp.fs.inside" not in _read(real_tap, "/etc/passwd")


def test_the_roots_of_the_client_widen_those_of_the_launch(real_tap: Any) -> None:
    _start(real_tap)
    _roots(real_tap, "file:///srv/more", "https://no/root")
    assert _read(real_tap, "/srv/more/x")["mcp.fs.inside"] is True
    assert _read(real_tap, "/etc/passwd")["mcp.fs.inside"] is False


def test_roots_alone_bind_a_server_that_calls_itself_a_file_server_and_no_other(real_tap: Any) -> None:
    _roots(real_tap, "file:///srv/more", server="filesystem")
    assert _read(real_tap, "/etc/passwd", server="filesystem")["mcp.fs.inside"] is False
    _roots(real_tap, "file:///srv/more", server="github")
    assert "mcp.fs.inside" not in _read(real_tap, "/etc/passwd", server="github")


def test_roots_that_come_with_a_request_count_as_well(real_tap: Any) -> None:
    _start(real_tap)
    where = {"server": "fs", "pid": 7}
    told = {"inputResponses": {"a": {"roots": [{"uri": "file:///srv/more"}]}}}
    call = {"name": "read_file", "arguments": {"path": "/srv/more/x"}, **told}
    real_tap.client({"id": 1, "method": "tools/call", "params": call}, **where)
    real_tap.server({"id": 1, "result": _OK}, **where)
    assert _read(real_tap, "/srv/more/x")["mcp.fs.inside"] is True


def test_what_is_known_of_a_server_outlives_the_process(real_tap: Any) -> None:
    _start(real_tap)
    saved = real_tap.session.dump()
    real_tap.session = WireSession(real_tap.deriver, KnownItems())
    real_tap.session.load(saved)
    assert _read(real_tap, "/etc/passwd")["mcp.fs.inside"] is False


def test_secrets_in_a_launch_command_reach_no_event(real_tap: Any) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    told = _start(real_tap, ["npx", f"https://{token}@x/y.tgz", f"--repository=/srv/{token}"])
    later = _read(real_tap, "/etc/passwd")
    assert later["mcp.fs.inside"] is False
    assert token not in repr(told) + repr(later)


def test_servers_are_remembered_up_to_a_bound(real_tap: Any) -> None:
    real_tap.session._servings._limit = 3
    for pid in range(10):
        _start(real_tap, pid=pid)
    assert len(real_tap.session._servings) == 3
