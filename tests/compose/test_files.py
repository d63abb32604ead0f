"""What the compose file and `.env.example` promise, checked without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.config.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
VARIABLES = sorted(PREFIX + name.upper() for name in Settings.model_fields)

each_service = pytest.mark.parametrize("name", sorted(COMPOSE["services"]))


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_the_service_is_passed_through(variable: str) -> None:
    """What the environment may tune can be tuned in front of `docker compose up`."""
    service = COMPOSE["services"]["service"]
    assert variable in service["environment"]
    assert f"${{{variable}:-" in COMPOSE_TEXT


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_the_service_is_in_the_example(variable: str) -> None:
    """Each variable stands commented out in `.env.example`, under a line that explains it."""
    assert re.search(rf"^# \S.*\n#{variable}=", EXAMPLE, re.MULTILINE)


def test_example_explains_every_variable_that_compose_reads() -> None:
    """Nothing can be set that `.env.example` does not name, and nothing it names is without use."""
    read = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    explained = set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE))
    assert explained == read


def test_example_is_all_that_compose_needs() -> None:
    """`cp .env.example .env` is enough: every variable without a default has a value there."""
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    given = set(re.findall(r"^(\w+)=\S+$", EXAMPLE, re.MULTILINE))
    assert required == given


def test_example_has_no_variable_that_the_service_would_refuse() -> None:
    """A line with the service's prefix is one of the service's own: it refuses to start over others."""
    prefixed = set(re.findall(rf"^#?({PREFIX}\w+)=", EXAMPLE, re.MULTILINE))
    assert prefixed == set(VARIABLES)


def test_no_key_of_the_compose_file_is_written_twice() -> None:
    """Docker refuses a file with one, and PyYAML takes the last."""
    waiting: list[yaml.Node] = [yaml.compose(COMPOSE_TEXT)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            assert len(names) == len(set(names)), sorted(names)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


@each_service
def test_every_container_comes_back_and_tells_its_health(name: str) -> None:
    """Each container is started again when it dies, and has a health check: Tidegauge's is in its image."""
    container = COMPOSE["services"][name]
    assert container["restart"] == "unless-stopped"
    assert ("healthcheck" in container) != (name in {"service", "live"})
    assert "\nHEALTHCHECK " in (ROOT / "Dockerfile").read_text()


@each_service
def test_ports_are_local_and_can_be_moved(name: str) -> None:
    """Each published port is on the loopback address by default, and a variable moves it."""
    for port in COMPOSE["services"][name].get("ports", []):
        assert re.fullmatch(
            r"(127\.0\.0\.1|\$\{TIDEGAUGE_HTTP_HOST:-127\.0\.0\.1\}):\$\{\w+:-\d+\}:\d+", port
        )


@each_service
def test_everything_waits_for_a_healthy_database(name: str) -> None:
    """Whatever uses the database starts when it is healthy, not merely started."""
    waits = COMPOSE["services"][name].get("depends_on", {})
    alone = name in {"db", "evidently", "model", "traffic"}  # the latter three do not use it
    assert waits == ({} if alone else {"db": {"condition": "service_healthy"}})


@each_service
def test_images_are_pinned_to_a_version(name: str) -> None:
    """No public image floats on `latest`."""
    container = COMPOSE["services"][name]
    assert "build" in container or re.search(r":\d", container["image"])


def test_database_script_can_be_run() -> None:
    """The roles' script is executable: the database's image would otherwise run it in its own shell."""
    assert (ROOT / "config" / "postgres" / "10-roles.sh").stat().st_mode & 0o111 == 0o111


def test_dockerfile_needs_no_frontend_image() -> None:
    """The Dockerfile starts without a syntax line, which would pull an image, and ends unprivileged."""
    text = (ROOT / "Dockerfile").read_text()
    assert "syntax=" not in text
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001:10001"]
