import pytest

from mcp_siem.inventory.lookalike import Lookalikes

_APPROVED = Lookalikes(["github", "postgres-prd", "filesystem", "db", "slack-mcp", "memory-1"])


@pytest.mark.parametrize(
    ("name", "imitated"),
    [
        ("githab", "github"),
        ("githu", "github"),
        ("gihtub", "github"),
        ("g1thub", "github"),
        ("g\u0456thub", "github"),
        ("git\u200bhub", "github"),
        ("\uff27\uff29\uff34\uff28\uff35\uff22", "github"),
        ("git-hub", "github"),
        ("filesystam", "filesystem"),
        ("fi1esistem", "filesystem"),
        ("slack-official-mcp", "slack-mcp"),
        ("official-github", "github"),
        ("github.verified.server", "github"),
    ],
)
def test_an_imitated_name_is_found(name: str, imitated: str) -> None:
    assert _APPROVED.of(name) == imitated


@pytest.mark.parametrize(
    "name",
    [
        "github",
        "GitHub",
        "github-2",
        "memory-2",
        "github-actions",
        "gitlab",
        "postgres-dev",
        "dc",
        "db-official-reader",
        "slack-notifier-mcp",
        "weather",
        "official",
        "",
        "g" * 10_000,
    ],
)
def test_a_name_of_its_own_is_let_be(name: str) -> None:
    assert _APPROVED.of(name) is None


def test_without_approved_names_nothing_is_imitated() -> None:
    assert Lookalikes([]).of("github") is None
