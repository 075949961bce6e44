"""The command cfgmerge."""

import stat
from pathlib import Path

from conffiles import write

from yext.conf import merge


def test_merge_replies(folder: Path) -> None:
    def merged(name: str) -> merge.MergeReply:
        return merge.cfgmerge(f"{folder}/", name, params={})

    assert merged("").text == "Missing configuration name\r\n"
    missing = merged("nosuch")
    assert not missing.ok
    assert missing.text == f"Failed to load configuration file '{folder}/nosuch.conf'\r\n"
    assert (missing.reason, missing.errno) == ("No such file or directory", 2)
    write(folder, test="[$require nosuch]\n")
    failed = merged("test")
    assert (failed.reason, failed.errno) == ("", 0)
    assert [problem.severity for problem in failed.problems] == ["error"]
    assert not merged("a\0b").ok


def test_merged_file_is_as_private_as_its_origin(folder: Path) -> None:
    write(folder, test="[a]\npassword=x\n")
    (folder / "test.conf").chmod(0o640)
    (folder / "test.conf.merged").write_text("old\n" * 100)
    reply = merge.cfgmerge(str(folder), "test", params={})
    assert reply.ok
    merged = folder / "test.conf.merged"
    assert merged.read_text() == "[a]\npassword=x\n"
    assert stat.S_IMODE(merged.stat().st_mode) == 0o640


def test_merge_that_cannot_be_written(folder: Path) -> None:
    write(folder, test="[a]\nx=1\n")
    (folder / "test.conf.merged").mkdir()
    reply = merge.cfgmerge(str(folder), "test", params={})
    assert not reply.ok
    path = f"{folder}/test.conf.merged"
    assert reply.text == f"Failed to save merged configuration to '{path}'\r\n"
    assert (reply.reason, reply.errno) == ("Is a directory", 21)
    assert sorted(each.name for each in folder.iterdir()) == ["test.conf", "test.conf.merged"]
