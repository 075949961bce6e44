"""What extmodule.conf says, what is wrong with it, and the table of options in the docs."""

import re
from pathlib import Path

import pytest

from yext import conf
from yext.extmodule import settings

DOCS = Path(__file__).parents[3] / "docs" / "scripts.md"


def read(folder: Path, text: str) -> settings.Settings:
    path = folder / "extmodule.conf"
    path.write_text(text)
    params = {"sharedpath": "/share", "n": "7"}
    return settings.read(conf.load(str(path), params=params), params)


def test_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert vars(found.options) == {
        "scripts_dir": "/share/scripts/",
        **{option.name: option.default for option in settings.GENERAL[1:]},
    }
    assert (found.scripts_dir_source, found.problems) == ("default", ())


def test_all_of_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "[general]\nscripts_dir=/a\n[listener one]\ntype=tcp\nport=0x20\n"
        "[listener two]\ntype=unix\npath=/b\nrole=channel\n[scripts]\nx.py=p ${n}\ny.py=\n"
        "[execute]\n/z=1\n",
    )
    assert found.options.scripts_dir == "/a/"
    assert found.scripts_dir_source == "extmodule.conf:2"
    assert [spec.where() for spec in found.listeners] == ["tcp 127.0.0.1:32", "unix /b"]
    assert [(spec.role, spec.line) for spec in found.listeners] == [("", 3), ("channel", 6)]
    assert [(one.name, one.parameter, one.line) for one in found.scripts] == [
        ("x.py", "p 7", 11),
        ("y.py", None, 12),
    ]
    assert [one.name for one in found.execute] == ["/z"]
    assert not found.problems


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[general]\ntimeout=x", "extmodule.conf:2: timeout=x is not a number of milliseconds"),
        ("[general]\nwaitflush=500", "extmodule.conf:2: waitflush=500 is not 1 to 100: "),
        ("[general]\ntimout=1", "extmodule.conf:2: unknown option 'timout' in [general]; did you "),
        ("[genral]\ntimeout=1", "extmodule.conf:1: unknown section [genral], did you mean [gen"),
        ("[listener a]\ntype=tcp\nport=70000", "extmodule.conf:3: Could not start listener 'a'"),
        ("[listener a]\ntype=unix", "extmodule.conf:1: Could not start listener 'a': it has no"),
        ("[listener a]\nport=1", "extmodule.conf:1: Could not start listener 'a': it has no type"),
        ("[listener a]\ntype=tcp\nport=1\nrole=x", "extmodule.conf:4: Unknown role 'x' of listen"),
        ("[listener a]\ntype=tcp\nport=1\nadr=x", "extmodule.conf:4: unknown option 'adr' in ["),
        ("[listener]\ntype=tcp", "extmodule.conf:1: unknown section [listener], did you mean "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    problems = read(tmp_path, text).problems
    assert len(problems) == 1
    assert str(problems[0]).startswith(told)


def test_the_documented_options_are_those_in_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) (\w+) \| (\d+) to (\d+) \|", DOCS.read_text(), re.M)
    units = {"ms": "milliseconds", "s": "seconds"}
    documented = {
        (name, int(default), units.get(unit, unit), int(low), int(high))
        for name, default, unit, low, high in rows
    }
    options = {option.name: option for option in settings.GENERAL}
    assert documented
    assert documented == {
        (name, option.default, option.unit, option.low, option.high)
        for name, option in options.items()
        if name in {row[0] for row in documented}
    }
