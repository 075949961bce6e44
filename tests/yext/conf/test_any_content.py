"""Any file can be read, and what was read can be written and read again."""

import string
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext import conf
from yext.conf import merge

ARBITRARY = settings(max_examples=50, deadline=None)

FRAGMENTS = [
    "[",
    "]",
    "=",
    "\\",
    "\n",
    "\r\n",
    "\0",
    ";",
    " ",
    "\t",
    "a",
    "${",
    "}",
    "$",
    "é",
    "\udcff",
    "[a]\n",
    "x=1\n",
    "x=1\\\n",
    "[$enabled no]\n",
    "[$enabled else]\n",
    "[$enabled elseif $not $loaded x]\n",
    "[$include test.conf]\n",
    "[$include .]\n",
    "[$includesilent ${name}]\n",
    "[$require nosuch]\n",
    "[$includesection a]\n",
    "[$requiresection b]\n",
    "[b]\n",
    "[configuration]\nmax_depth=3\ncheck_recursive_include=no\ninclude_empty=yes\n",
    "[configuration]\nwarnings=yes\n",
]
contents = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(
        lambda parts: "".join(parts).encode("utf-8", "surrogateescape")
    ),
)
# Without dots and slashes: nothing outside of the test's folder is to be read.
ALPHABET = sorted(set(string.printable) - set("./") | set("é\0\ud800\udcff"))
names = st.text(alphabet=ALPHABET, max_size=20)


@ARBITRARY
@given(content=contents, name=names)
def test_any_content_is_read(content: bytes, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/test.conf"
        Path(path).write_bytes(content)
        found = conf.load(path, params={"name": name}, main=True)
    assert found.exists
    for section in found.sections:
        assert section.name
        for entry in section.entries:
            assert entry.key
            assert entry.value == entry.value.strip(" \t")
            assert entry.line > 0


@ARBITRARY
@given(content=contents)
def test_merged_text_reads_the_same(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/test.conf"
        # What a parameter puts into a name cannot always be written down as one.
        Path(path).write_bytes(content.replace(b"${", b""))
        first = conf.load(path, params={})
        Path(path).write_bytes(merge.merged_text(first).encode("utf-8", "surrogateescape"))
        again = conf.load(path, params={})

    def plain(read: conf.Conf) -> list[tuple[str, list[tuple[str, str]]]]:
        return [
            (section.name, [(entry.key, entry.value) for entry in section.entries])
            for section in read.sections
        ]

    assert plain(again) == plain(first)


@ARBITRARY
@given(name=names)
def test_any_name_is_taken(name: str) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/test.conf"
        Path(path).write_text("[$include ${name}]\n[${name}]\nx=1\n")
        assert conf.load(path, params={"name": name}).exists
        merge.cfgmerge(folder, "test", params={"name": name})
        conf.load(f"{folder}/no/{name}", params={})


SIZE = 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"[a]\n" + b"some key=some value\n" * (SIZE // 20),
        b"[a]\nx=" + b"a part \\\n" * (SIZE // 9),
        b"[a]\nx=" + b"[a part]\\\n" * (SIZE // 10),
        b"[" + b"${name}" * (SIZE // 7) + b"]\n",
        b"[" + b"${" * (SIZE // 2) + b"]\n",
        b"[$include nosuch]\n" * (SIZE // 18),
        b"".join(b"[s%d]\n[$includesection s%d]\n" % (n, n + 1) for n in range(20_000)),
    ],
    ids=["entries", "continuation", "warned", "params", "open", "includes", "sections"],
)
def test_time_is_linear(folder: Path, content: bytes) -> None:
    (folder / "test.conf").write_bytes(content)
    start = time.process_time()
    found = conf.load(f"{folder}/test.conf", params={"name": "value"})
    merge.merged_text(found)
    # A second or two at most; anything quadratic would take many minutes.
    assert time.process_time() - start < 30
