"""The Markdown pages name what exists: linked files, make targets, commands, options and variables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from service.cli import main
from service.config.settings import PREFIX, Settings

PAGES = [
    path
    for folder in (Path(), Path("docs"), Path("docs/decisions"), Path("docs/benchmarks"))
    for path in sorted(folder.glob("*.md"))
]
NAMES = [str(path) for path in PAGES]
VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields}
TARGETS = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE))
YAML_BLOCKS = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMANDS = sorted(
    {
        line.partition("#")[0].strip()
        for path in PAGES
        for block in BLOCKS.findall(path.read_text())
        for line in block.splitlines()
        if "tidegauge " in line.partition("#")[0]
    }
)


def _anchors(page: Path) -> set[str]:
    # The code host's anchors: lower case, no punctuation, hyphens for spaces.
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file or folder that exists, and a heading that the page has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{page}: {target} does not exist"
        assert not anchor or anchor in _anchors(found), f"{page}: {target} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_and_variables_exist(page: Path) -> None:
    """Every `make X` is a target and every TIDEGAUGE_ variable one of the settings."""
    text = page.read_text()
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= TARGETS
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", text)) <= VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_yaml_example_can_be_read(page: Path) -> None:
    """Each YAML block is a mapping, as a monitor file and a scenario are."""
    for block in YAML_BLOCKS.findall(page.read_text()):
        assert isinstance(yaml.safe_load(block), dict), block


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_parser_knows(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the examples have options that exist; with `--help` behind them nothing is run."""
    monkeypatch.setattr("sys.argv", ["tidegauge"])
    words = shlex.split(command)
    start = next(place for place, word in enumerate(words) if word.rpartition("/")[2] == "tidegauge")
    arguments = words[start + 1 :]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0, capsys.readouterr().err
    options = {word for word in arguments if word.startswith("--")}
    assert options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def test_the_readme_is_short() -> None:
    """A newcomer reads at most 120 lines."""
    assert len(Path("README.md").read_text().splitlines()) <= 120
