"""yext.conf: its sections, and the modules that they load."""

import asyncio
from pathlib import Path

import pytest

from yext import Engine
from yext.engine import yextconf


def problems(folder: Path, text: str) -> list[str]:
    (folder / "yext.conf").write_text(text)

    async def rehearse() -> list[str]:
        return [str(problem) for problem in Engine(folder).rehearse()]

    return asyncio.run(rehearse())


def test_an_unknown_section_is_a_mistake(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "[metrisc]\nport=1\n")
    assert "yext.conf:1" in found
    assert "unknown section [metrisc], did you mean [metrics]?" in found


def test_a_named_section_is_known_by_its_first_word(tmp_path: Path) -> None:
    assert problems(tmp_path, "[lnik beech]\n")[0].endswith("did you mean [link beech]?")


def test_a_module_is_wanted_for_its_section_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yextconf, "MODULES", {"some": ("share", "link NAME")})

    async def wanted(text: str) -> list[str]:
        (tmp_path / "yext.conf").write_text(text)
        return yextconf.wanted(Engine(tmp_path).read_conf("yext"))

    assert asyncio.run(wanted("")) == []
    assert asyncio.run(wanted("[console]\n")) == []
    assert asyncio.run(wanted("[link]\n")) == []
    assert asyncio.run(wanted("[share]\n")) == ["some"]
    assert asyncio.run(wanted("[link beech]\n")) == ["some"]
