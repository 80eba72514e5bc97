from collections.abc import Callable
from typing import Any

import pytest

Read = Callable[[str], Any]

_CALL = (
    b"type=SYSCALL msg=audit(1787220000.000:%d): arch=c000003e syscall=%d success=yes %b ppid=%d pid=%d uid=0 exe=%b"
)


def _call(
    serial: int, number: int, *, exe: bytes = b'"/bin/x"', args: bytes = b"", ppid: int = 1, pid: int = 9
) -> bytes:
    return _CALL % (serial, number, args, ppid, pid, exe)


def _record(serial: int, kind: bytes, rest: bytes) -> bytes:
    return b"type=%b msg=audit(1787220000.000:%d): %b" % (kind, serial, rest)


def _derived(made: list[dict[str, object]]) -> list[dict[str, object]]:
    return [one for one in made if one["event.dataset"] != "linux.auditd"]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b'argc=2 a0="ls" a1=2F746D702F6120 62', "ls /tmp/a "),
        (b'argc=2 a0="echo" a1="6869"', "echo 6869"),
        (b'argc=2 a0="echo" a1=7', "echo 7"),
        (b'argc=2 a0="echo" a1=C3A9', "echo é"),
        (b'argc=2 a0="echo" a1=FF', "echo \ufffd"),
        (b"argc=1 a0=2222", '""'),
        (b'argc=11 a10="k" a2="c" a1="b" a0="a"', "a b c k"),
        (b'argc=2 a0="sh" a1_len=4 a1[1]="cd" a1[0]="ab"', "sh abcd"),
    ],
)
def test_arguments_are_decoded_and_joined_in_their_order(lines: Read, rest: bytes, expected: str) -> None:
    log = lines("auditd")
    made = log.read(_call(1, 59), _record(1, b"EXECVE", rest), _record(1, b"PROCTITLE", b"proctitle=00"))
    [started] = _derived(made)
    assert started["CommandLine"] == expected


def test_records_of_events_that_lie_among_each_other_are_joined_by_event(lines: Read) -> None:
    log = lines("auditd")
    made = log.read(
        _call(1, 59, pid=10),
        _call(2, 59, pid=11),
        _record(2, b"EXECVE", b'a0="two"'),
        _record(1, b"EXECVE", b'a0="one"'),
    )
    assert _derived(made) == []
    assert [(one["CommandLine"], one["ProcessId"]) for one in _derived(log.end())] == [("one", 10), ("two", 11)]


def test_a_parent_is_known_by_its_start_on_the_same_node(lines: Read) -> None:
    log = lines("auditd")
    for node in (b"a", b"b"):
        log.read(
            b"node=%b " % node + _call(1, 59, pid=10, exe=b'"/opt/%b"' % node),
            b"node=%b " % node + _record(1, b"EXECVE", b'a0="p"'),
            b"node=%b " % node + _record(1, b"EOE", b""),
        )
    made = log.read(
        b"node=b " + _call(2, 59, ppid=10, pid=12),
        b"node=b " + _record(2, b"EXECVE", b'a0="c"'),
        b"node=b " + _record(2, b"EOE", b""),
    )
    [child] = _derived(made)
    assert (child["ParentImage"], child["ParentCommandLine"], child["Computer"]) == ("/opt/b", "p", "b")


@pytest.mark.parametrize(
    ("call", "records", "expected"),
    [
        (_call(1, 257, args=b"a2=0"), [b'name="/a" nametype=NORMAL'], [("endpoint.file_access", "/a")]),
        (_call(1, 257, args=b"a2=1"), [b'name="/a" nametype=NORMAL'], [("endpoint.file_event", "/a")]),
        (_call(1, 2, args=b"a1=zz"), [b'name="/a" nametype=NORMAL'], [("endpoint.file_access", "/a")]),
        (_call(1, 85), [b'name="/a" nametype=NORMAL'], [("endpoint.file_event", "/a")]),
        (
            _call(1, 257),
            [b'name="/p" nametype=PARENT', b'name="/p/a" nametype=CREATE'],
            [("endpoint.file_event", "/p/a")],
        ),
        (_call(1, 87), [b'name="../a" nametype=DELETE'], [("endpoint.file_delete", "/home/a")]),
        (_call(1, 90), [b'name="a" nametype=NORMAL'], [("endpoint.file_change", "/home/x/a")]),
        (
            _call(1, 82),
            [b'name="/old" nametype=DELETE', b'name="/new" nametype=CREATE'],
            [("endpoint.file_rename", "/new"), ("endpoint.file_event", "/new")],
        ),
        (_call(1, 4), [b'name="/a" nametype=NORMAL'], []),
        (_call(1, 257), [b"name=(null) nametype=NORMAL"], []),
        (_call(1, 257), [b'name="/a" nametype=UNKNOWN'], []),
    ],
)
def test_what_was_done_with_a_file_is_told_by_call_flags_and_path(
    lines: Read, call: bytes, records: list[bytes], expected: list[tuple[str, str]]
) -> None:
    log = lines("auditd")
    made = log.read(
        call,
        _record(1, b"CWD", b'cwd="/home/x"'),
        *(_record(1, b"PATH", one) for one in records),
        _record(1, b"EOE", b""),
    )
    told = [(one["event.dataset"], one.get("FileName", one.get("TargetFilename"))) for one in _derived(made)]
    assert told == expected
    assert log.issues == []


def test_what_failed_was_not_done(lines: Read) -> None:
    log = lines("auditd")
    call = _call(1, 87).replace(b"success=yes", b"success=no")
    assert _derived(log.read(call, _record(1, b"PATH", b'name="/a" nametype=DELETE'), _record(1, b"EOE", b""))) == []


def test_a_field_in_quotes_cannot_forge_another(lines: Read) -> None:
    log = lines("auditd")
    [own] = log.read(_record(1, b"PATH", b'name="/a exe=/bin/evil key=x" nametype=NORMAL'))
    assert own["name"] == "/a exe=/bin/evil key=x"
    assert "exe" not in own


def test_a_message_of_a_program_comes_after_what_the_kernel_says(lines: Read) -> None:
    log = lines("auditd")
    [own] = log.read(_record(1, b"USER_CMD", b"""pid=1 uid=5 msg='uid=0 exe="/usr/bin/sudo" cwd="/a" cmd=6C73'"""))
    assert (own["uid"], own["exe"], own["cwd"]) == ("5", "/usr/bin/sudo", "/a")


def test_other_lines_are_issues(lines: Read) -> None:
    log = lines("auditd")
    assert log.read(b"type=SYSCALL msg=audit(x): a=b", b"hello", b"----", b"", b"time->Thu Aug 20") == []
    assert log.codes == ["not_audit_record"] * 3
