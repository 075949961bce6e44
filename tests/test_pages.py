"""README and docs agree with the program: output, options, links, version."""

import re
from importlib.metadata import version
from pathlib import Path

import flow_screens
import pages
import pytest

from yext import __version__
from yext.console import manual

DOCS = sorted(
    [
        *pages.ROOT.glob("*.md"),
        *pages.ROOT.glob("docs/*.md"),
        pages.ROOT / "tests" / "conformance" / "README.md",
    ]
)


def test_the_first_tour_shows_what_the_program_prints() -> None:
    shown = pages.README.read_text(encoding="utf-8")
    assert pages.normal(pages.tour()) == pages.normal(shown)


def test_the_keys_of_the_browser_are_listed() -> None:
    text = (pages.ROOT / "docs" / "flow.md").read_text(encoding="utf-8")
    assert pages.with_keys(text) == text and text.count("| `/` |") == 1


def test_the_screens_of_the_flow_are_current() -> None:
    assert flow_screens.PAGE.read_text(encoding="utf-8") == flow_screens.page()


def test_the_tour_compares_more_than_its_prompts() -> None:
    """The comparison of tours still distinguishes replies."""
    shown = pages.README.read_text(encoding="utf-8")
    for word in ("ENOENT", "sip/99@", "never spoke", "Did you mean", "running", "started, pid"):
        assert pages.normal(shown.replace(word, "other")) != pages.normal(shown)


def test_the_page_of_options_is_current() -> None:
    assert pages.CONFIGURATION.read_text(encoding="utf-8") == pages.configuration()


def test_every_option_of_a_listener_is_listed() -> None:
    assert tuple(pages.LISTENER) == pages.extmodule_listeners.LISTENER_OPTIONS


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [one for one in links if "://" not in one and not (page.parent / one).exists()]
    assert missing == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_named_files_exist(page: Path) -> None:
    named = re.findall(r"`((?:yext|console|docs|tests|samples)/[^`\s:]*)", page.read_text("utf-8"))
    assert [one for one in named if not (pages.ROOT / one).exists()] == []


def test_the_readme_reads_well_without_its_folder() -> None:
    """An index of packages shows it, where links to files lead nowhere."""
    text = pages.README.read_text(encoding="utf-8")
    assert [one for one in re.findall(r"\]\(([^)]+)\)", text) if "://" not in one] == []
    assert "pypi.org" not in text


def _recipes() -> dict[str, str]:
    """Return the recipes of CONTRIBUTING.md by their headings."""
    text = (pages.ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Recipes")[2]
    found = re.findall(r"^### (.*)\n((?:(?!###).*\n)*)", text, re.M)
    return dict(found)


@pytest.mark.parametrize(("title", "recipe"), _recipes().items())
def test_a_recipe_names_what_its_files_hold(title: str, recipe: str) -> None:
    quoted = re.findall(r"`([^`]+)`", recipe)
    files = [pages.ROOT / one for one in quoted if "/" in one and (pages.ROOT / one).is_file()]
    content = "\n".join(file.read_text("utf-8") for file in files)
    names = [one.rpartition(".")[2] for one in quoted if re.fullmatch(r"@?[A-Za-z_.]+", one)]
    assert files, title
    missing = [one for one in names if not re.search(rf"{re.escape(one)}\b", content)]
    assert missing == []


def test_the_inline_manuals_are_in_the_pages() -> None:
    found = set()
    for page in DOCS:
        text = page.read_text(encoding="utf-8")
        assert pages.with_manuals(text) == text, page
        found |= set(re.findall(r"^<!-- help (\w+) -->$", text, re.M))
    assert found == set(manual.topics())


def test_no_command_of_the_tour_has_a_comment() -> None:
    """A line is typed as it is printed; a console has no comments."""
    lines = pages.README.read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("alder> ")]
    assert len(commands) >= 10
    assert [line for line in commands if "#" in line] == []


def test_every_page_is_listed() -> None:
    index = (pages.ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    names = {page.name for page in (pages.ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in names if f"({name})" not in index} == set()


def test_the_engine_and_the_package_have_one_version() -> None:
    assert version("yate-yext") == __version__
