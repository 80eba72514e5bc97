import base64
import json
import re
import time
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.errors import ConfigError
from mcp_siem.events.fold import fold
from mcp_siem.events.redact import Redactor, parse_secret_formats
from mcp_siem.events.reveal import reveal_text

ROOT = Path(__file__).parents[3]
SHIPPED = (ROOT / "sigma_rules" / "secrets.toml").read_text(encoding="utf-8")
FORMATS = parse_secret_formats(SHIPPED, "secrets.toml")
REDACTOR = Redactor(FORMATS, b"a key of the tests")
PLACEHOLDER = re.compile(r"\[secret:[a-z0-9_]+:[0-9a-f]{16}\]")
OPENAI = "sk-" + "FIXTURE-not-a-real-key-000000000000"
GITHUB = "gh" + "p_FAKEfixture0123456789abcdefghijklmnop"


def types(text: str) -> list[str]:
    return [kind for kind, _ in REDACTOR.redact(text).found]


@pytest.fixture(params=FORMATS, ids=lambda known: known.type)
def secret(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param.type, request.param.example


def test_the_example_of_a_format_is_found_and_called_by_its_type(secret: tuple[str, str]) -> None:
    kind, example = secret
    redacted = REDACTOR.redact(f"see {example} there")
    assert [found for found, _ in redacted.found] == [kind]
    assert PLACEHOLDER.search(redacted.text)
    assert redacted.text.startswith("see ")
    assert redacted.text.endswith(" there")


def test_it_is_found_in_serialised_json_however_deep(secret: tuple[str, str]) -> None:
    kind, example = secret
    once = json.dumps({"text": f"line\n{example}\nline"})
    twice = json.dumps({"inner": once})
    assert types(once) == [kind]
    assert types(twice) == [kind]


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: base64.b64encode(f"some {text} text".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"some {text} text".encode()).decode().rstrip("="),
        lambda text: urllib.parse.quote(text, safe=""),
        lambda text: "".join(f"&#{ord(char)};" for char in text),
        lambda text: "".join(f"%{ord(char):02X}" for char in text),
        "\u200b".join,
        "\u00ad".join,
        lambda text: "".join(char + chr(0xE0041) for char in text),
    ],
    ids=["base64", "base64url", "url", "entities", "every byte", "zero-width", "soft hyphen", "tags"],
)
def test_no_disguise_of_the_twin_carries_it_through(secret: tuple[str, str], disguise: object) -> None:
    kind, example = secret
    known = next(known for known in FORMATS if known.type == kind)
    core = known.pattern.search(f" {example}").group(known.group)
    hidden = disguise(example)  # type: ignore[operator]
    redacted = REDACTOR.redact(f"before {hidden} after")
    assert redacted.found
    assert hidden not in redacted.text
    assert "before " in redacted.text
    assert redacted.text.endswith(" after")
    for shown in (redacted.text, reveal_text(redacted.text), fold(redacted.text)):
        assert core[-16:].lower() not in shown.lower()
    assert not list(REDACTOR._hidden(redacted.text, base64=True))


def test_redacting_twice_is_redacting_once(secret: tuple[str, str]) -> None:
    redacted = REDACTOR.redact(json.dumps({"password": secret[1], "token": secret[1]}))
    assert REDACTOR.redact(redacted.text) == redacted


def test_folding_leaves_a_placeholder_as_it_is(secret: tuple[str, str]) -> None:
    placeholder = PLACEHOLDER.search(REDACTOR.redact(f" {secret[1]} ").text)
    assert placeholder
    assert fold(placeholder[0]) == placeholder[0]


def test_one_secret_has_one_hash_wherever_it_stands_and_another_under_another_key() -> None:
    key = FORMATS[0].example
    plain = REDACTOR.redact(f"read:\n{key}").found
    assert REDACTOR.redact(json.dumps({"text": key})).found == plain
    assert REDACTOR.redact(json.dumps(json.dumps({"text": key}))).found == plain
    assert REDACTOR.redact(base64.b64encode(GITHUB.encode()).decode()).found == REDACTOR.redact(GITHUB).found
    assert Redactor(FORMATS, b"another").redact(key).found != REDACTOR.redact(key).found


def test_several_secrets_in_one_text_are_each_told() -> None:
    redacted = REDACTOR.redact(f'{{"FAKE_API_KEY": "{OPENAI}", "other": "{GITHUB}", "again": "{GITHUB}"}}')
    assert [kind for kind, _ in redacted.found] == ["openai_api_key", "github_token"]
    assert len(PLACEHOLDER.findall(redacted.text)) == 3
    assert "FIXTURE" not in redacted.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("API_TOKEN=FAKE_FIXTURE_TOKEN", "api_key"),
        ("export DB_PASSWORD=correcthorsebattery", "password"),
        ('{"password": "correcthorse"}', "password"),
        (r'{"env": "{\"client_secret\": \"f1xture-Value-99\"}"}', "api_key"),
        ("api_key: f1xtureValue99", "api_key"),
        ('{"credentials": "f1xtureValue99"}', "api_key"),
        ("tool --api-token f1xtureValue99", "option_value"),
        ('{"name": "X-Auth-Token", "value": "f1xtureValue99"}', "named_value"),
        (r"{\"key\":\"DB_PASSWORD\",\"value\":\"f1xtureValue99\"}", "named_value"),
        ('["--db-password", "f1xtureValue99"]', "option_value"),
        ("X-Api-Key: f1xtureValue99", "api_key"),
        ("redis://:f1xturepass@cache:6379/0", "url_password"),
        ("Authorization: Token f1xturevalue99", "authorization_header"),
        ('"SecretAccessKey": "' + "fAkE/fIxTuRe+0123456789abcdefghijKLMNOPQRST"[:40] + '"', "aws_secret_access_key"),
    ],
)
def test_a_value_that_only_its_name_makes_a_secret_is_found(text: str, kind: str) -> None:
    assert types(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 64",
        "token: string",
        "secrets: ./secrets/v1.yaml",
        "--token ${TOKEN_2024}",
        "--password-file /run/secrets/db1",
        "password: required",
        '{"token": {"type": "string"}, "password": {"type": "string", "format": "password"}}',
        '{"required": ["password", "api_key"]}',
        '{"nextPageToken": "CAUQAA12345678", "progressToken": "abc12345"}',
        "token = get_token(request)",
        'password = os.environ["DB_PASSWORD"]',
        "const apiKey = process.env.API_KEY2;",
        "export GITHUB_TOKEN=$TOKEN GITLAB_TOKEN=${TOKEN}",
        'apiKey: "your_api_key_here"',
        "secret: /run/secrets/db_password1",
        "Basic understanding of authentication",
        "Authorization: Bearer <token>",
        "http://user:password@host/ and postgres://user:$PASS@host",
        "risk-management and desk-organiser-for-large-teams",
        "commit d41d8cd98f00b204e9800998ecf8427e3f2504e0",
        "id 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "the token was refreshed 2026-07-28T10:00:00Z",
        "",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert REDACTOR.redact(text).text == text
    assert REDACTOR.redact(text).found == ()


def test_a_member_is_judged_with_its_name() -> None:
    assert REDACTOR.redact_member("password", "correcthorse").text.startswith("[secret:password:")
    assert REDACTOR.redact_member("path", "correcthorse").found == ()
    assert REDACTOR.redact_member('odd"\nname_password', "correcthorse").text.startswith("[secret:password:")


def test_half_a_surrogate_pair_is_replaced_and_hides_nothing() -> None:
    redacted = REDACTOR.redact(f"\ud800 {GITHUB} \udfff")
    assert [kind for kind, _ in redacted.found] == ["github_token"]
    redacted.text.encode("utf-8")


@given(st.text(), st.sampled_from(FORMATS), st.text())
def test_whatever_stands_around_it_the_secret_does_not_come_through(before: str, known: object, after: str) -> None:
    example = known.example  # type: ignore[attr-defined]
    redacted = REDACTOR.redact(f"{before} {example} {after}")
    assert redacted.found
    assert example not in redacted.text


@given(st.text())
def test_redacting_never_raises_and_is_idempotent(text: str) -> None:
    redacted = REDACTOR.redact(text)
    assert REDACTOR.redact(redacted.text).text == redacted.text


@pytest.mark.parametrize(
    "hostile",
    [GITHUB + " ", "password=", "eyJ", "://a:", "[secret:x:", "-----BEGIN PRIVATE KEY-----", "%41", "\u200b", "QUJD"],
    ids=ascii,
)
def test_a_hostile_text_is_redacted_in_moments(hostile: str) -> None:
    started = time.process_time()
    REDACTOR.redact(hostile * (400_000 // len(hostile)))
    assert time.process_time() - started < 5


def test_no_example_stands_unbroken_in_the_repository() -> None:
    assert not [known.type for known in FORMATS if known.example in SHIPPED]


GOOD = '[secrets.x]\npattern = "x{9}"\nkeywords = ["x"]\nexample = ["xxxx", "xxxxx"]\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("format = 1\n[secrets", 2, "not valid TOML"),
        ("format = 2\n[secrets]\n", 1, "needs format = 1"),
        ("format = 1\n", 1, "needs format = 1"),
        ("format = 1\nsecrets = 3\n", 1, "must hold a table"),
        ("format = 1\n[secrets]\nx = 3\n", 3, "must be a table"),
        ("format = 1\n" + GOOD.replace("secrets.x", "secrets.X"), 2, "lower case"),
        ("format = 1\n" + GOOD.replace('"x{9}"', '""'), 2, "'pattern' must be a text"),
        ("format = 1\n" + GOOD.replace("x{9}", "(?=x)"), 2, "pattern is no RE2"),
        ("format = 1\n" + GOOD.replace('["x"]', "[]"), 2, "'keywords' must be a list"),
        ("format = 1\n" + GOOD + 'check = "luck"\n', 2, "'check' must be one of"),
        ("format = 1\n" + GOOD + "entropy = true\n", 2, "'entropy' must be a number"),
        ("format = 1\n" + GOOD + "colour = 1\n", 2, "unknown key 'colour'"),
    ],
)
def test_malformed_formats_are_refused_with_line_reason_and_next_step(text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_secret_formats(text, "s.toml")
    assert caught.value.source == f"s.toml:{line}"
    assert reason in caught.value.message
    assert caught.value.hint
