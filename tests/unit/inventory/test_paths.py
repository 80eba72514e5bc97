import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.inventory.paths import nearest_root, outside, root_of_uri


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/srv/data", "/srv/data"),
        ("/srv/data/", "/srv/data"),
        ("/srv/data/x/../y", "/srv/data/"),
        ("/srv//data/./x", "/srv/data"),
        ("/srv/other/../data/x", "/srv/data"),
        ("file:///srv/data/a%20b", "/srv/data"),
        ("/anything", "/"),
        ("../data/x", "/srv/data"),
        ("~/docs/x", "/home/u/docs"),
        ("/private/etc/x", "/etc"),
        ("/users/ME/docs/x", "/Users/me/Docs"),
        (r"c:\users\me\DOCS\x", r"C:\Users\me\Docs"),
        ("C:/Users/me/Docs/x", r"C:\Users\me\Docs"),
        (r"\\?\C:\Users\me\Docs\x", r"C:\Users\me\Docs"),
        (r"\\?\UNC\host\share\x", r"\\host\share"),
        (r"\\host\share\x\..\y", r"\\host\share"),
        (r"C:\x", "C:\\"),
    ],
)
def test_a_path_inside_is_inside_however_it_is_spelled(path: str, root: str) -> None:
    assert outside([path], [root]) == []


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/srv/data_private/x", "/srv/data"),
        ("/srv/data/../x", "/srv/data"),
        ("/srv/data/a/../../x", "/srv/data"),
        ("/srv/DATA/x", "/srv/data"),
        ("/srv", "/srv/data"),
        ("../../etc/passwd", "/srv/data"),
        (r"..\..\x", "/srv/data"),
        ("~/.ssh/id_rsa", "/home/u/docs"),
        ("file:///etc/passwd", "/srv/data"),
        ("/srv/../../../etc/passwd", "/srv/data"),
        (r"C:\Users\me\Docs2\x", r"C:\Users\me\Docs"),
        (r"C:\Users\me\Docs\..\x", r"C:\Users\me\Docs"),
        (r"C:\Users\me\Docs\.. \..\x", r"C:\Users\me\Docs"),
        (r"D:\Users\me\Docs\x", r"C:\Users\me\Docs"),
        (r"\\host\other\x", r"\\host\share"),
    ],
)
def test_a_path_outside_is_outside_however_it_is_spelled(path: str, root: str) -> None:
    assert outside([path], [root]) == [path]


@pytest.mark.parametrize("path", ["notes.txt", "a/b", "~other/x", "~/x", "", "https://x/y", "x" * 9_000])
def test_of_a_path_that_may_lie_anywhere_nothing_is_said(path: str) -> None:
    assert outside([path], ["/srv/data"]) is None


def test_without_an_absolute_root_nothing_is_said() -> None:
    assert outside(["/etc/passwd"], [".", "data"]) is None


def test_one_of_several_roots_is_enough() -> None:
    assert outside(["/a/x", "/b/x", "/c/x"], ["/a", "/b"]) == ["/c/x"]
    assert nearest_root("/srv/data_private", ["/home", "/srv/data"]) == "/srv/data"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///srv/a%20b", "/srv/a b"),
        ("FILE:///C:/Users", "C:/Users"),
        ("file://localhost/srv", "/srv"),
        ("file://host/share", "//host/share"),
        ("https://x/y", None),
        ("file://[", None),
    ],
)
def test_a_file_uri_names_a_folder(uri: str, path: str | None) -> None:
    assert root_of_uri(uri) == path


@given(st.text(alphabet="abAB/\\.:~% ?", max_size=30), st.text(alphabet="abAB/\\.:~% ?", max_size=12))
def test_what_is_appended_to_a_root_without_climbing_stays_inside(tail: str, root: str) -> None:
    told = outside([f"/{root}/{tail}"], [f"/{root}"])
    if ".." not in tail and ".." not in root and not root.startswith(("/", "\\")):
        assert not told
