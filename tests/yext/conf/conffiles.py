"""Write configuration files for tests, and read them."""

from pathlib import Path

from yext import conf


def write(folder: Path, **files: str) -> None:
    """Write `NAME.conf` for each name given."""
    for name, content in files.items():
        (folder / f"{name}.conf").write_text(content)


def read(folder: Path, content: str, **files: str) -> conf.Conf:
    """Write `content` and other files, and read the former."""
    write(folder, test=content, **files)
    return conf.load(f"{folder}/test.conf", params={"name": "value"})


def problems_of(read: conf.Conf) -> list[str]:
    """Return the problems of a reading, with their severities."""
    return [f"{problem.severity} {problem}" for problem in read.problems]
