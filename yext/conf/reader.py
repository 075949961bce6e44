"""The reader: it makes sections and entries of lines, and follows directives.

Sources: the recorded readings in tests/conformance/vectors/config, which decide; for what they
leave open, the behaviour and the log texts of Yate's class Configuration.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping

from yext.conf.directives import (
    INCLUDES,
    SECTION_INCLUDES,
    Loaded,
    Mode,
    SectionIncludes,
    evaluate,
    split_directive,
)
from yext.conf.model import (
    MAX_PROBLEMS,
    Conf,
    Entry,
    LogLine,
    Problem,
    ReadingRules,
    Section,
    Severity,
)
from yext.conf.source import SourceFile, list_folder, read_bytes, split_lines
from yext.conf.values import BLANKS, replace_params, skip_word

MAX_FILES = 1000
"""How many files are read for one configuration: nested includes multiply."""

MAX_BYTES = 16 * 1024 * 1024
"""How much is read for one configuration, in bytes of all files together."""

_MAX_LOG = 10_000
"""How many lines for the log are kept of one reading: a folder that includes itself has no end."""

_OLD_READER = "Configuration_use_old"
"""A file beside yate.conf that makes Yate use its older rules."""

_MISSING = (errno.ENOENT, errno.ENOTDIR)
# These errors mean that the file could be opened but not read.
_READ_ERRORS = (errno.EISDIR, errno.EINVAL, errno.EFBIG, errno.EIO)


_DOLLAR_SECTIONS = ("$once", "$init")
"""Sections of regexroute.conf whose names look like directives."""


class ConfReader:
    """Reads a configuration file with all that it includes into a `Conf`."""

    def __init__(self, conf: Conf, params: Mapping[str, str], loaded: Loaded, main: bool) -> None:
        self._conf = conf
        self._rules = conf.rules
        self._params = params
        self._loaded = loaded
        self._main = main
        self._folder = conf.path[: conf.path.rfind("/") + 1]
        self._section_includes = SectionIncludes(conf, params)
        self._open: list[SourceFile] = []
        self._files = 0
        self._bytes = 0
        self._cut_short = False

    def read(self) -> None:
        """Read the file and set `ok` and `exists` of its `Conf`."""
        conf = self._conf
        ok = self._load(conf.path, None, Mode.PLAIN)
        self._section_includes.expand()
        conf.ok = ok and self._section_includes.ok and not self._cut_short
        if conf.left_out:
            text = f"{conf.left_out} more warnings and notes are left out"
            conf.problems.append(Problem(self._shown(conf.path), 0, Severity.NOTE, text))

    def _shown(self, path: str) -> str:
        return path.removeprefix(self._folder)

    def _report(self, source: SourceFile, severity: Severity, text: str, line: int = 0) -> None:
        self._conf.report(severity, source.shown, line or source.number, text)

    def _log(self, level: str, text: str) -> None:
        if len(self._conf.log) < _MAX_LOG:
            self._conf.log.append(LogLine(level, text))

    def _note(self, text: str) -> None:
        if self._rules.warnings:
            self._log("NOTE", text)

    # Files

    def _load(self, path: str, parent: SourceFile | None, mode: Mode) -> bool:
        if parent is not None and not self._may_include(path, parent):
            return False
        try:
            data = self._read(path)
        except OSError as error:
            self._unreadable(path, parent, mode, error)
            return False
        self._conf.exists = True
        source = SourceFile(path, self._shown(path), split_lines(data), parent)
        self._open.append(source)
        while (line := self._next_line(source)) is not None:
            self._line(source, line)
        self._open.pop()
        return source.ok

    def _read(self, path: str) -> bytes:
        self._files += 1
        if self._files > MAX_FILES:
            raise OSError(errno.EFBIG, f"More than {MAX_FILES} files")
        data = read_bytes(path, MAX_BYTES - self._bytes)
        self._bytes += len(data)
        return data

    def _may_include(self, path: str, parent: SourceFile) -> bool:
        depth = parent.depth + 1
        if self._cut_short:
            return False
        if self._rules.check_recursive_include and any(each.path == path for each in self._open):
            verb, why = "recursive", "it is being read already"
        elif depth > self._rules.max_depth:
            verb, why = "refusing to", f"includes are {depth} deep, max_depth={depth - 1}"
        else:
            return True
        stack = "".join(f"{each.path} line={each.number}\r\n" for each in self._open)
        text = f"load file at include depth {depth}. Stack:\r\n-----\r\n{stack}-----"
        self._log("WARN", f"{path} {verb} {text}")
        self._report(parent, Severity.WARNING, f"'{self._shown(path)}' is not included: {why}")
        return False

    def _unreadable(self, path: str, parent: SourceFile | None, mode: Mode, error: OSError) -> None:
        code, reason = error.errno or 0, error.strerror or str(error)
        verb = "read" if code in _READ_ERRORS else "open"
        missing = code in _MISSING
        self._cut_short |= code == errno.EFBIG
        detail = f"{reason} ({errno.errorcode.get(code, '')}, {code})"
        if parent is None:
            defaults = ", using defaults" if verb == "open" else ""
            self._log("NOTE", f"Failed to {verb} file '{path}'{defaults}: {code} - {reason}")
            if not missing:
                self._conf.exists = True
                self._conf.report(Severity.ERROR, self._shown(path), 0, f"cannot be read: {detail}")
            return
        if mode is Mode.SILENT and missing and not self._rules.disable_include_silent:
            return
        which = f"failed to {verb} included file '{path}'"
        self._log("NOTE", f"'{self._conf.path}' {which}: {code} - {reason}")
        fatal = mode is Mode.REQUIRE or self._cut_short
        severity = Severity.ERROR if fatal else Severity.WARNING
        self._report(parent, severity, f"included file '{self._shown(path)}': {detail}")

    def _next_line(self, source: SourceFile) -> str | None:
        line = source.next_line()
        if line is not None and source.number == source.nul:
            self._log("WARN", f"{source.where} found NUL byte, handling as end of line")
            self._report(source, Severity.WARNING, "a NUL byte ends this line")
        return line

    # Lines

    def _line(self, source: SourceFile, line: str) -> None:
        if not line or line[0] == ";":
            return
        if line[0] != "[":
            self._parameter(source, line)
            return
        close = line.find("]")
        name = line[1:close].strip(BLANKS)
        if close < 0 or not name:
            self._ignored(source, line, close)
            return
        condition = skip_word(name, "$enabled")
        if condition is not None:
            self._enable(source, condition)
        elif source.enabled:
            self._check_tail(source, line[close + 1 :].strip(BLANKS))
            word, rest = split_directive(name)
            if word in INCLUDES:
                self._include(source, name, INCLUDES[word], rest)
            elif word in SECTION_INCLUDES:
                self._include_section(source, name, SECTION_INCLUDES[word])
            else:
                self._begin_section(source, name, line[1:close])

    def _ignored(self, source: SourceFile, line: str, close: int) -> None:
        what, problem = (
            (f"line '{line}'", f"'{_cut(line)}' has no ']' and is ignored")
            if close < 0
            else ("empty section name", "a section without a name is ignored")
        )
        self._note(f"{source.where} ignoring {what} crt_sect='{source.section_name}'")
        if source.enabled:
            self._report(source, Severity.WARNING, problem)
            if close < 0 and len(self._conf.unclosed) < MAX_PROBLEMS:
                self._conf.unclosed.append((line[1:].strip(), source.number))

    def _check_tail(self, source: SourceFile, tail: str) -> None:
        if tail and tail[0] not in ";#":
            self._report(source, Severity.WARNING, f"'{_cut(tail)}' after the ']' is ignored")

    def _begin_section(self, source: SourceFile, name: str, written: str) -> None:
        source.headed = True
        replaced = replace_params(name, self._params)
        if name.startswith("$") and not name.startswith("${") and name not in _DOLLAR_SECTIONS:
            self._report(
                source, Severity.WARNING, f"'{_cut(name)}' is no directive: it names a section"
            )
        if replaced:
            source.section = self._conf.make_section(replaced, source.shown, source.number)
            return
        if self._rules.warnings:
            included = f" [{source.path}]" if source.depth else ""
            reset = f". Resetting current '{source.section_name}'" if source.section else ""
            text = f"empty section name after replace '{written}'{reset}"
            self._log("WARN", f"'{self._conf.path}'{included} line={source.number} {text}")
        text = f"'{_cut(name)}' comes to no name: what follows is ignored up to the next section"
        self._report(source, Severity.WARNING, text)
        source.section = None

    def _parameter(self, source: SourceFile, line: str) -> None:
        number = source.number
        key, equal, value = line.partition("=")
        key = key.strip(BLANKS)
        if key and equal:
            value = self._whole_value(source, key, value)
        if not source.enabled:
            return
        if not key:
            self._note(f"{source.where} empty parameter name")
            self._report(
                source, Severity.WARNING, f"'{_cut(line)}' has no name and is ignored", number
            )
        elif source.section is None:
            if not (source.depth or source.headed):
                self._note(f"{source.where} ignoring parameter '{key}': no section")
            self._report(
                source, Severity.WARNING, f"'{_cut(key)}' is in no section: ignored", number
            )
        else:
            self._check_key(source, key, bool(equal), number)
            self._add(source.section, Entry(key, value, source.shown, number))

    def _check_key(self, source: SourceFile, key: str, equal: bool, number: int) -> None:
        if key[0] == "#":
            text = f"'#' begins no comment: this is a parameter named '{_cut(key)}'"
            self._report(source, Severity.WARNING, text, number)
        elif key[-1] == "\\" and not equal:
            text = f"without '=' a line does not go on: the parameter is named '{_cut(key)}'"
            self._report(source, Severity.WARNING, text, number)

    def _whole_value(self, source: SourceFile, key: str, value: str) -> str:
        if not value.endswith("\\"):
            value = value.strip(BLANKS)
            if value.endswith("\\") and source.enabled:
                self._report(source, Severity.NOTE, "a blank follows the '\\': the value ends here")
            return value
        parts: list[str] = []
        part: str | None = value
        while part is not None:
            if parts and part[:1] in ("[", ";") and source.enabled:
                text = f"'{_cut(part)}' belongs to the value of '{_cut(key)}', which ends in a '\\'"
                self._report(source, Severity.WARNING, text)
            parts.append(part.removesuffix("\\"))
            part = self._next_line(source) if part.endswith("\\") else None
        return "".join(parts).strip(BLANKS)

    def _add(self, section: Section, entry: Entry) -> None:
        if self._main and section.name == "configuration":
            self._rules.settle(entry.key, entry.value, self._conf)
        section.add(entry)

    # Directives

    def _enable(self, source: SourceFile, text: str) -> None:
        elseif = skip_word(text, "elseif")
        if text in ("else", "toggle"):
            source.enabled = not source.enabled
            if text == "else" and source.enabled and source.branch_taken:
                text = "'else' only toggles: this part counts although one before it did"
                self._report(source, Severity.WARNING, text)
        elif elseif is not None and source.enabled:
            source.enabled = False
        else:
            condition = evaluate(text if elseif is None else elseif, self._params, self._loaded)
            source.enabled = condition.holds
            if elseif is None:
                source.branch_taken = False
            if condition.doubt:
                self._report(source, Severity.WARNING, f"[$enabled]: {condition.doubt}")
            if self._main and re.search(r"\$(un)?loaded\b", text):
                self._report(
                    source, Severity.NOTE, "no module is loaded yet when this file is read"
                )
        source.branch_taken |= source.enabled

    def _include(self, source: SourceFile, directive: str, mode: Mode, text: str) -> None:
        name = replace_params(text, self._params)
        if not name and not self._rules.include_empty:
            required = mode is Mode.REQUIRE
            if required:
                source.ok = False
                self._note(f"{source.where} found empty value when processing [{directive}]")
            severity = Severity.ERROR if required else Severity.WARNING
            self._report(source, severity, f"[{_cut(directive)}] names no file")
            return
        path = name if name.startswith("/") else source.path[: source.path.rfind("/") + 1] + name
        if self._rules.check_recursive_include:
            path = re.sub("//+", "/", path)
        for each in self._files_of(source, path):
            if not self._load(each, source, mode) and mode is Mode.REQUIRE:
                source.ok = False

    def _files_of(self, source: SourceFile, path: str) -> list[str]:
        found = list_folder(path)
        if found is None:
            return [path]
        files, links = found
        for link in links:
            text = f"'{self._shown(path)}/{link}' is a symbolic link and is not included"
            self._report(source, Severity.WARNING, text)
        return [f"{path}/{file}" for file in files]

    def _include_section(self, source: SourceFile, directive: str, mode: Mode) -> None:
        if source.section is not None:
            self._section_includes.add(source.section, directive, source.shown, source.number)
            return
        failed = mode is Mode.REQUIRE and not (source.depth or source.headed)
        if failed:
            source.ok = False
        silent = mode is Mode.SILENT and not self._rules.disable_include_silent
        if not (source.depth or source.headed or silent):
            self._note(f"{source.where} found '{directive}' outside any section")
        text = f"[{_cut(directive)}] is in no section: ignored"
        self._report(source, Severity.ERROR if failed else Severity.WARNING, text)


def _cut(text: str) -> str:
    """`text`, shortened for a problem that quotes it."""
    return text if len(text) <= 60 else text[:57] + "..."


def load(
    path: str,
    *,
    params: Mapping[str, str],
    loaded: Loaded = (),
    main: bool = False,
    rules: ReadingRules | None = None,
) -> Conf:
    """Read a configuration file with all that it includes.

    Nothing is raised: a missing file gives a `Conf` without sections whose `exists` is False, and
    one that cannot be read has an error among its `problems`.

    Args:
        path: the path of the file.
        params: the run parameters, for ``${name}`` in section names and directives.
        loaded: the names of the loaded modules, or a function that is given one.
        main: True for yate.conf, whose section ``[configuration]`` settles the rules.
        rules: the rules of the main file, by which all other files are read.
    """
    conf = Conf(path, rules or ReadingRules())
    ConfReader(conf, params, loaded, main).read()
    return conf


def load_main(path: str, params: Mapping[str, str]) -> Conf:
    """Read yate.conf as the engine does when it starts: twice, and the second reading counts.

    Yate first reads it before there are run parameters, which shows in the log: `log` has the
    lines of both readings. No module is loaded yet. The `rules` of the result apply to all other
    files.
    """
    first = load(path, params={}, main=True)
    conf = load(path, params=params, main=True, rules=first.rules)
    conf.log[:0] = first.log
    if os.path.exists(os.path.join(os.path.dirname(path), _OLD_READER)):
        text = "Yate would read all files by its old rules; they are read by the new ones"
        conf.report(Severity.NOTE, _OLD_READER, 0, text)
    return conf
