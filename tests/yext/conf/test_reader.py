"""The reader of configuration files: what the recordings do not show.

Those are played in tests/conformance/test_config_vectors.py.
"""

import os
import socket
from pathlib import Path

import pytest
from conffiles import problems_of, read, write

from yext import conf
from yext.conf import model, reader

# Looking up


def test_lookups(folder: Path) -> None:
    found = read(folder, "[a]\nx=1\nx=2\n[b]\n[a]\ny=\n")
    assert found.exists
    assert found.ok
    assert found.path == f"{folder}/test.conf"
    assert found.section_names() == ["a", "b"]
    assert found.has_section("b")
    assert not found.has_section("")
    assert found.get("a", "x") == "1"
    assert found.get("a", "y", "default") == ""
    assert found.get("a", "z", "default") == "default"
    assert found.get("c", "z") is None
    assert found.entry("a", "x") == conf.Entry("x", "1", "test.conf", 2)
    assert found.items("a") == [
        ("x", conf.Entry("x", "1", "test.conf", 2)),
        ("x", conf.Entry("x", "2", "test.conf", 3)),
        ("y", conf.Entry("y", "", "test.conf", 6)),
    ]
    assert found.items("c") == []
    assert [(each.name, each.file, each.line) for each in found.sections] == [
        ("a", "test.conf", 1),
        ("b", "test.conf", 4),
    ]


def test_places(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "one.conf").write_text("x=1\n")
    elsewhere = folder / "else"
    elsewhere.mkdir()
    (elsewhere / "two.conf").write_text("\ny=1\n")
    home = folder / "home"
    home.mkdir()
    (home / "sub").symlink_to(folder / "sub")
    found = read(home, f"[a]\nv=one\\\ntwo\\\nthree\nw=1\n[$include sub]\n[$include {elsewhere}]\n")
    assert [(key, entry.file, entry.line) for key, entry in found.items("a")] == [
        ("v", "test.conf", 2),
        ("w", "test.conf", 5),
        ("x", "sub/one.conf", 1),
        ("y", f"{elsewhere}/two.conf", 2),
    ]


def test_relative_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, test="[$include more.conf]\n", more="[a]\nx=1\n")
    monkeypatch.chdir(folder)
    assert conf.load("test.conf", params={}).get("a", "x") == "1"


def test_missing_file(folder: Path) -> None:
    path = f"{folder}/nosuch.conf"
    found = conf.load(path, params={})
    assert not found.exists
    assert not found.ok
    assert found.sections == []
    assert found.problems == []
    assert [str(line) for line in found.log] == [
        f"<Configuration:NOTE> Failed to open file '{path}', using defaults: "
        "2 - No such file or directory"
    ]


def make_folder(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(reader.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_folder, "Is a directory (EISDIR, 21)"),
        (make_fifo, "Not a regular file (EINVAL, 22)"),
        (make_loop, "Too many levels of symbolic links (ELOOP, 40)"),
        (make_socket, "No such device or address (ENXIO, 6)"),
        (make_huge, "File too large (EFBIG, 27)"),
    ],
)
def test_unreadable(folder: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(folder / "test.conf")
    found = conf.load(f"{folder}/test.conf", params={})
    assert found.exists
    assert not found.ok
    assert found.sections == []
    assert problems_of(found) == [f"error test.conf: cannot be read: {reason}"]


def test_device_is_an_empty_file(folder: Path) -> None:
    (folder / "test.conf").symlink_to("/dev/null")
    found = conf.load(f"{folder}/test.conf", params={})
    assert found.exists
    assert found.ok
    assert problems_of(found) == []


# Problems

PROBLEMS = {
    "before any section": ("x=1\n[a]\n", ["warning test.conf:1: 'x' is in no section: ignored"]),
    "unterminated": (
        "[a]\n[b\ny=1\n",
        ["warning test.conf:2: '[b' has no ']' and is ignored"],
    ),
    "nameless section": (
        "[a]\n[ ]\n",
        ["warning test.conf:2: a section without a name is ignored"],
    ),
    "text after a section": (
        "[a] x=1\n[b] ; fine\n[c] # fine\n[d]\t\n",
        ["warning test.conf:1: 'x=1' after the ']' is ignored"],
    ),
    "name comes to nothing": (
        "[${nosuch}]\nx=1\n",
        [
            "warning test.conf:1: '${nosuch}' comes to no name: what follows is ignored "
            "up to the next section",
            "warning test.conf:2: 'x' is in no section: ignored",
        ],
    ),
    "looks like a directive": (
        "[$INCLUDE x]\n[$include]\n[${name}]\n",
        [
            "warning test.conf:1: '$INCLUDE x' is no directive: it names a section",
            "warning test.conf:2: '$include' is no directive: it names a section",
        ],
    ),
    "hash": (
        "[a]\n# x=1\n",
        ["warning test.conf:2: '#' begins no comment: this is a parameter named '# x'"],
    ),
    "no name": ("[a]\n =v\n", ["warning test.conf:2: '=v' has no name and is ignored"]),
    "backslash without equal sign": (
        "[a]\nx\\\ny=1\n",
        ["warning test.conf:2: without '=' a line does not go on: the parameter is named 'x\\'"],
    ),
    "blank behind a backslash": (
        "[a]\nx=1\\ \n",
        ["note test.conf:2: a blank follows the '\\': the value ends here"],
    ),
    "continuation takes a section": (
        "[a]\nx=1\\\n[b]\\\n;c\ny=1\n",
        [
            "warning test.conf:3: '[b]\\' belongs to the value of 'x', which ends in a '\\'",
            "warning test.conf:4: ';c' belongs to the value of 'x', which ends in a '\\'",
        ],
    ),
    "value that begins like a section": ("[a]\nx=[b]\ny=;c\nz=[d]\\\ne\n", []),
    "no boolean": (
        "[$enabled 0]\n",
        ["warning test.conf:1: [$enabled]: '0' is not a boolean and counts as true"],
    ),
    "deliberate conditions": ("[$enabled $bool 0]\n[$enabled]\n[$enabled $filled x]\n", []),
    "else after a branch that held": (
        "[$enabled no]\n[$enabled elseif yes]\n[$enabled elseif yes]\n[$enabled else]\n",
        ["warning test.conf:4: 'else' only toggles: this part counts although one before it did"],
    ),
    "else that is one": ("[$enabled no]\n[$enabled else]\n[$enabled yes]\n[$enabled else]\n", []),
    "switched off": ("[$enabled no]\nx=1\n[b\n[]\n=\n[a] z\n[$INCLUDE]\n#\ny=1\\ \n", []),
    "missing include": (
        "[a]\n[$include nosuch.conf]\n[$includesilent nosuch.conf]\n[$include ${nosuch}]\n",
        [
            "warning test.conf:2: included file 'nosuch.conf': No such file or directory "
            "(ENOENT, 2)",
            "warning test.conf:4: [$include ${nosuch}] names no file",
        ],
    ),
    "missing requirement": (
        "[$require nosuch.conf]\n[$require ${nosuch}]\n[$requiresection b]\n",
        [
            "error test.conf:1: included file 'nosuch.conf': No such file or directory (ENOENT, 2)",
            "error test.conf:2: [$require ${nosuch}] names no file",
            "error test.conf:3: [$requiresection b] is in no section: ignored",
        ],
    ),
    "missing sections": (
        "[a]\n[$includesection b]\n[$includesectionsilent b]\n[$requiresection b]\n"
        "[$includesection ${nosuch}]\n[$includesection a]\n",
        [
            "warning test.conf:2: not including section '$includesection b' in 'a': not found",
            "error test.conf:4: not including section '$requiresection b' in 'a': not found",
            "warning test.conf:5: [$includesection ${nosuch}] names no section",
            "warning test.conf:6: not including section '$includesection a' in 'a': "
            "recursive include stack=a",
        ],
    ),
    "NUL": ("[a]\nx=1\0y=2\0", ["warning test.conf:2: a NUL byte ends this line"]),
    "recursion": (
        "[$include test.conf]\n",
        ["warning test.conf:1: 'test.conf' is not included: it is being read already"],
    ),
    "long lines are cut": (
        "[" + "x" * 100,
        [f"warning test.conf:1: '[{'x' * 56}...' has no ']' and is ignored"],
    ),
}


@pytest.mark.parametrize(("content", "problems"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_problems(folder: Path, content: str, problems: list[str]) -> None:
    found = read(folder, content)
    assert problems_of(found) == problems
    assert found.ok == (not any(problem.startswith("error") for problem in problems))


def test_problem_of_the_whole_file() -> None:
    assert str(conf.Problem("x.conf", 0, "error", "gone")) == "x.conf: gone"


def test_problems_are_bounded(folder: Path) -> None:
    count = model.MAX_PROBLEMS + 5
    found = read(folder, "x=1\n" * count + "[a]\n[$require nosuch]\n")
    assert len(found.problems) == model.MAX_PROBLEMS + 2
    assert problems_of(found)[-2].startswith("error test.conf:")
    assert problems_of(found)[-1] == "note test.conf: 5 more warnings and notes are left out"


# Includes


def test_symbolic_links_in_a_folder(folder: Path) -> None:
    (folder / "d").mkdir()
    write(folder / "d", a="[a]\nx=1\n")
    (folder / "d" / "b.conf").symlink_to("a.conf")
    (folder / "d" / "old.bak").symlink_to("a.conf")
    found = read(folder, "[$include d]\n")
    assert len(found.items("a")) == 1
    assert problems_of(found) == [
        "warning test.conf:1: 'd/b.conf' is a symbolic link and is not included"
    ]


def test_include_through_a_link_to_a_file(folder: Path) -> None:
    write(folder, real="[a]\nx=1\n")
    (folder / "link.conf").symlink_to("real.conf")
    assert read(folder, "[$include link.conf]\n").get("a", "x") == "1"


def test_unreadable_include_is_reported_though_silent(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    found = read(folder, "[$includesilent fifo]\n")
    assert problems_of(found) == [
        "warning test.conf:1: included file 'fifo': Not a regular file (EINVAL, 22)"
    ]
    assert [str(line) for line in found.log] == [
        f"<Configuration:NOTE> '{folder}/test.conf' failed to read included file "
        f"'{folder}/fifo': 22 - Not a regular file"
    ]


def test_nested_requirement_fails_its_file_only(folder: Path) -> None:
    files = {"one": "[$require nosuch]\n", "two": "[a]\nx=1\n"}
    assert read(folder, "[$include one.conf]\n[$include two.conf]\n", **files).ok
    assert not read(folder, "[$require one.conf]\n[$include two.conf]\n", **files).ok


def test_includes_that_multiply_are_bounded(folder: Path) -> None:
    write(folder, f0="[a]\nx=1\n")
    for number in range(1, 10):
        write(folder, **{f"f{number}": f"[$include f{number - 1}.conf]\n" * 9})
    found = read(folder, "[$include f9.conf]\n")
    assert not found.ok
    [problem] = problems_of(found)
    assert problem.endswith(f"More than {reader.MAX_FILES} files (EFBIG, 27)")
    assert problem.startswith("error f")


def test_sections_that_multiply_are_bounded(folder: Path) -> None:
    found = read(
        folder,
        "".join(
            f"[s{number}]\nk=1\n" + f"[$includesection s{number + 1}]\n" * 2 for number in range(40)
        ),
    )
    assert not found.ok
    assert len(problems_of(found)) == 3  # s40 is missing, twice, and the limit is reported once
    assert problems_of(found)[-1].endswith("included sections add more than 1000000 entries")


def test_depth_of_sections_is_bounded(folder: Path) -> None:
    found = read(folder, "".join(f"[s{n}]\nk=1\n[$includesection s{n + 1}]\n" for n in range(300)))
    assert not found.ok
    assert problems_of(found)[0].endswith("sections include each other deeper than 100")


# Rules


def main(folder: Path, settings: str, rest: str = "") -> conf.Conf:
    write(folder, yate=f"[configuration]\n{settings}\n{rest}")
    return conf.load(f"{folder}/yate.conf", params={}, main=True)


@pytest.mark.parametrize(
    ("settings", "depth"),
    [
        ("", 10),
        ("max_depth=20", 20),
        ("max_depth=1", 3),
        ("max_depth=100", 50),
        ("max_depth=many", 10),
        ("max_depth=5\nmax_depth=7", 5),
        ("max_depth=20\ncheck_recursive_include=no", 10),
        ("max_depth=5\ncheck_recursive_include=no", 5),
        ("check_recursive_include=no\nmax_depth=20", 10),
        ("check_recursive_include=no\nmax_depth=many", 3),
        ("check_recursive_include=no", 10),
    ],
)
def test_max_depth(folder: Path, settings: str, depth: int) -> None:
    assert main(folder, settings).rules.max_depth == depth


def test_first_rule_holds(folder: Path) -> None:
    rules = main(folder, "include_empty=no\ninclude_empty=yes\nwarnings=maybe").rules
    assert not rules.include_empty
    assert not rules.warnings
    write(folder, yate="[configuration]\nwarnings=yes\ncheck_recursive_include=off\n")
    conf.load(f"{folder}/yate.conf", params={}, main=True, rules=rules)
    assert not rules.warnings
    assert not rules.check_recursive_include


def test_rules_are_those_of_the_main_file(folder: Path) -> None:
    found = read(folder, "[configuration]\nmax_depth=3\n")
    assert found.rules.max_depth == 10


def test_warnings_are_logged_in_every_file(folder: Path) -> None:
    rules = main(folder, "warnings=yes").rules
    (folder / "sub.conf").write_text("k=1\n[${nosuch}]\n")
    write(
        folder,
        test="x=1\n[$includesection a]\n[a\n[]\n[a]\n=v\n[$require ${nosuch}]\n"
        "[$includesection b]\n[$includesectionsilent b]\n[$include sub.conf]\n[ ${nosuch} ]\n",
    )
    path = f"{folder}/test.conf"
    found = conf.load(path, params={}, rules=rules)
    assert [str(line).removeprefix("<Configuration:") for line in found.log] == [
        f"NOTE> '{path}' line=1 ignoring parameter 'x': no section",
        f"NOTE> '{path}' line=2 found '$includesection a' outside any section",
        f"NOTE> '{path}' line=3 ignoring line '[a' crt_sect=''",
        f"NOTE> '{path}' line=4 ignoring empty section name crt_sect=''",
        f"NOTE> '{path}' line=6 empty parameter name",
        f"NOTE> '{path}' line=7 found empty value when processing [$require ${{nosuch}}]",
        f"WARN> '{path}' [{folder}/sub.conf] line=2 empty section name after replace "
        "'${nosuch}'. Resetting current 'a'",
        f"WARN> '{path}' line=11 empty section name after replace ' ${{nosuch}} '. "
        "Resetting current 'a'",
        f"NOTE> '{path}' not including section '$includesection b' in 'a': not found",
    ]


def test_include_empty_takes_the_folder(folder: Path) -> None:
    (folder / "d").mkdir()
    write(folder / "d", a="[a]\nx=1\n[$include ${nosuch}]\n", b="[b]\ny=1\n")
    found = main(folder, "include_empty=yes", "[$include d/a.conf]\n")
    # The folder names a.conf with a double slash, so it counts as another file: once.
    assert [len(found.items(name)) for name in ("a", "b")] == [2, 2]


def test_main_problems_are_those_of_the_second_reading(folder: Path) -> None:
    write(folder, yate="[$include ${configname}.inc]\n")
    (folder / "yate.inc").write_text("[a]\nx=1\n")
    found = conf.load_main(f"{folder}/yate.conf", {"configname": "yate"})
    assert found.get("a", "x") == "1"
    assert found.problems == []
    assert len(found.log) == 1


def test_main_file_cannot_know_the_modules(folder: Path) -> None:
    assert problems_of(main(folder, "", "[$enabled $not $loaded rmanager]\n")) == [
        "note yate.conf:3: no module is loaded yet when this file is read"
    ]


def test_old_reader_is_reported(folder: Path) -> None:
    write(folder, yate="[a]\nx=1\n")
    (folder / "Configuration_use_old").touch()
    found = conf.load_main(f"{folder}/yate.conf", {})
    assert problems_of(found) == [
        "note Configuration_use_old: Yate would read all files by its old rules; "
        "they are read by the new ones"
    ]


def test_loaded_as_a_function(folder: Path) -> None:
    write(folder, test="[$enabled $loaded one]\n[a]\n[$enabled $unloaded two]\n[b]\n")
    found = conf.load(f"{folder}/test.conf", params={}, loaded=lambda name: name == "two")
    assert found.section_names() == []
