import pytest

from mcp_siem.events.hidden import hidden_in_name, hidden_in_text


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain text, with\nlines and\ttabs", ()),
        ("zero\u200bwidth", ("zero_width",)),
        ("soft\u00adhyphen", ("zero_width",)),
        ("joined\u200dletters", ("zero_width",)),
        ("a" + "\u200b\u200c\u200d\u2060" * 2 + "b", ("zero_width", "zero_width_run")),
        ("right\u202eto left", ("bidi",)),
        ("isolated\u2066 text", ("bidi",)),
        ("tags\U000e0069\U000e0067", ("tag",)),
        ("colour \x1b[31m", ("ansi",)),
        ("title \x1b]0;x\x07", ("ansi", "control")),
        ("nul\x00", ("control",)),
        ("pad" + " " * 40 + "ding", ("padding",)),
        ("pad" + "\u3000" * 40 + "ding", ("padding",)),
        (r'{"a": "' + r"\n" * 40 + 'x"}', ("padding",)),
        (r'{"a": "\u200b"}', ("zero_width",)),
        (r'{"a": "\u001b[8m"}', ("ansi",)),
        (r'{"a": "\udb40\udc69"}', ("tag",)),
        (r'{"a": "\u0000"}', ("control",)),
        (r'{"a": "\u202e"}', ("bidi",)),
    ],
)
def test_each_kind_of_hidden_character_is_named(text: str, kinds: tuple[str, ...]) -> None:
    assert hidden_in_text(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile of an editor",
        "family \U0001f468\u200d\U0001f469\u200d\U0001f467 emoji",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "caf\u00e9 \u4f60\u597d",
        r"C:\users\name",
        "ends in blanks" + " " * 60,
        "",
    ],
)
def test_what_writing_needs_is_not_hidden(text: str) -> None:
    assert hidden_in_text(text) == ()


def test_a_name_may_have_no_line_break_and_no_second_alphabet() -> None:
    assert hidden_in_name("read_file") == ()
    assert hidden_in_name("\u8bfb\u53d6") == ()
    assert hidden_in_name("r\u0435ad_file") == ("mixed_script",)
    assert hidden_in_name("client\n[INFO] login ok") == ("line_break",)
    assert hidden_in_name("client\u2028x") == ("line_break",)


@pytest.mark.parametrize("name", ["send_em\u0430il", "\u03b1dmin", "read_f\uff49le", "g\u0131thub", "\U0001d5cepload"])
def test_a_word_of_two_look_alike_alphabets_is_a_disguise(name: str) -> None:
    assert "mixed_script" in hidden_in_name(name)


@pytest.mark.parametrize(
    "name",
    ["\u516b\u5b57 MCP", "\u9e23\u6f6e_server", "caf\u00e9_menu", "\u03b2-test", "\u043f\u043e\u0447\u0442\u0430 mail"],
)
def test_a_name_that_only_has_words_of_two_scripts_is_none(name: str) -> None:
    assert "mixed_script" not in hidden_in_name(name)
