import io

from mcp_siem.cli.console import Console
from mcp_siem.report.terminal import Style


def _written(text: str, *, terminal: bool) -> str:
    stream = io.BytesIO()
    Console(stream, "-", quiet=False, style=Style(color=False), terminal=terminal).data(text)
    return stream.getvalue().decode()


def test_data_is_written_as_it_is_to_a_pipe() -> None:
    text = '{"a":"\x9b2J \u202e \U000e0041"}\n'
    assert _written(text, terminal=False) == text


def test_on_a_terminal_obeyed_characters_become_json_escapes() -> None:
    shown = _written('{"a":"\x9b2J \u202e \U000e0041 \x1b]0;x\x07"}\n', terminal=True)
    assert shown == '{"a":"\\u009b2J \\u202e \\udb40\\udc41 \\u001b]0;x\\u0007"}\n'


def test_our_own_colours_pass() -> None:
    assert _written("\x1b[1;31mhigh\x1b[0m\tx\n", terminal=True) == "\x1b[1;31mhigh\x1b[0m\tx\n"
