"""The wheel: one import package, which works beside another one called console."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (found,) = folder.glob("yate_yext-*.whl")
    return found


def test_it_has_one_import_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"yext"}
    assert {"yext/py.typed", "yext/console/cli/main.py", "yext/console/manual/flow.md"} <= {*names}
    packaging = {f"yext/packaging/{path.name}" for path in (ROOT / "packaging").iterdir()}
    assert len(packaging) >= 3 and packaging <= {*names}


def test_it_runs_beside_another_package_called_console(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    (unpacked / "console").mkdir()
    (unpacked / "console" / "__init__.py").write_text("raise ImportError('the wrong console')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "yext", "run", "version"],
        cwd=tmp_path, env={"PYTHONPATH": str(unpacked)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("version: ")
