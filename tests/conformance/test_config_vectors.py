"""The recordings of the configuration reader, in process: every lookup, order, log and merge."""

import json
from pathlib import Path
from typing import Any

import pytest

from yext import conf
from yext.conf import merge

VECTORS = Path(__file__).parent / "vectors" / "config"
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case
    for file in sorted(VECTORS.glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))
}
PARAMS = {"configname": "yate", "clientmode": "false"}
LOADED = ("rmanager", "extmodule")
TRIVIAL_MAIN = "[general]\nmodload=yes\n"
"""The content of yate.conf in the `cfgmerge` runs, as `include_include_self` shows."""


def every_case() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def text(recorded: str, work: Path) -> str:
    """Decode a recorded text, which is bytes as Latin-1, as yext does."""
    filled = recorded.replace("{WORK}", str(work))
    return filled.encode("latin-1").decode("utf-8", "surrogateescape")


def lay_out(case: dict[str, Any], work: Path) -> Path:
    """Write the files of the case into the folder `conf` of `work`; return that folder."""
    folder = work / "conf"
    folder.mkdir()
    for name, content in case["files"].items():
        path = folder / name
        if content is None:
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        hexed = case.get("files_hex", {}).get(name)
        data = bytes.fromhex(hexed) if hexed else content.encode("latin-1")
        path.write_bytes(data.replace(b"{WORK}", str(work).encode()))
    return folder


def log_of(recorded: list[str], work: Path) -> list[str]:
    return [text(line, work).removeprefix("{TIME} ") for line in recorded]


@every_case()
def test_yate_conf(case: dict[str, Any], tmp_path: Path) -> None:
    folder = lay_out(case, tmp_path)
    main = conf.load_main(f"{folder}/yate.conf", PARAMS)
    for section, keys in case["expect"].items():
        assert main.has_section(text(section, tmp_path))
        for key, value in keys.items():
            assert main.get(text(section, tmp_path), text(key, tmp_path)) == text(value, tmp_path)
    for section, key in case["missing"]:
        # The lookup was a setlocal, where the section is everything up to the first dot.
        section, _, key = f"{section}.{key}".partition(".")
        assert main.entry(section, key) is None
    assert [str(line) for line in main.log] == log_of(case["log"], tmp_path)


@every_case()
def test_cfgmerge(case: dict[str, Any], tmp_path: Path) -> None:
    folder = lay_out(case, tmp_path)
    (folder / "yate.conf").rename(folder / "test.conf")
    (folder / "yate.conf").write_text(TRIVIAL_MAIN)
    reply = merge.cfgmerge(str(folder), "test", params=PARAMS, loaded=LOADED)
    recorded = case["merge"]
    assert reply.text == text(recorded["reply"], tmp_path)
    assert reply.ok == (recorded["merged"] is not None)
    assert [str(line) for line in reply.log] == log_of(recorded["log"], tmp_path)
    merged = folder / "test.conf.merged"
    if recorded["merged"] is None:
        assert not merged.exists()
    else:
        assert merged.read_bytes() == recorded["merged"].encode("latin-1")


@every_case()
def test_order(case: dict[str, Any], tmp_path: Path) -> None:
    folder = lay_out(case, tmp_path)
    (folder / "yate.conf").rename(folder / "test.conf")
    (folder / "yate.conf").write_text(TRIVIAL_MAIN)
    read = conf.load(f"{folder}/test.conf", params=PARAMS, loaded=LOADED)
    if "ordered" not in case:  # the load failed, so there was nothing to compare
        assert not read.ok
        return
    assert [
        [section.name, [[entry.key, entry.value] for entry in section.entries]]
        for section in read.sections
    ] == [
        [text(name, tmp_path), [[text(part, tmp_path) for part in pair] for pair in keys]]
        for name, keys in case["ordered"]
    ]
