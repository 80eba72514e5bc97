from pathlib import Path

import pytest

from mcp_siem.cli.settings import Settings, read_settings
from mcp_siem.errors import ConfigError


def test_no_file_means_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(None) == Settings()


def test_flags_variables_and_connections_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mcp-siem.toml"
    file.write_text(
        'target = "elastic"\n[vars]\nservers = ["a", "b"]\nowner = "me"\n[env.prod]\ntarget = "elastic"\nurl = "https://k"\n'
    )
    settings = read_settings(str(file))
    assert settings.flags == {"target": "elastic"}
    assert settings.variables == {"servers": ("a", "b"), "owner": ("me",)}
    assert settings.envs == {"prod": {"target": "elastic", "url": "https://k"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("target = \n", "not valid TOML"),
        ('tagret = "elastic"\n', "unknown setting 'tagret'"),
        ("[vars]\nx = []\n", "must be a text or a list"),
        ("[vars]\nx = [true]\n", "must be a text or a list"),
        ("[env]\nprod = 3\n", "must be a table"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place_and_the_next_step(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mcp-siem.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        read_settings(str(file))
    assert str(caught.value.source).startswith(f"{file}:")
    assert caught.value.hint


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(str(tmp_path / "none.toml"))
