"""What each room of `service` may import, by the import-linter contracts of `pyproject.toml`."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

CONTRACTS: list[dict[str, Any]] = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def layers_of(container: str) -> list[list[str]]:
    """Return the layers inside a package, top to bottom, each a list of neighbours."""
    (found,) = (each for each in CONTRACTS if each.get("containers") == [container])
    return [layer.split(" | ") for layer in found["layers"]]


def allowed_imports() -> dict[str, list[str]]:
    """Return by room the rooms that it may import, each with the only modules where these are named."""
    layers = layers_of("service")
    rooms = list(itertools.chain(*layers))
    refused = {
        (source, target)
        for place, layer in enumerate(layers)
        for source in layer
        for target in itertools.chain(*layers[: place + 1])
    }
    excepted: dict[tuple[str, str], set[str]] = {}
    for contract in CONTRACTS:
        if contract["type"] == "independence":
            refused |= set(itertools.permutations(map(_room, contract["modules"]), 2))
        if contract["type"] == "forbidden":
            refused |= {
                (_room(source), _room(target))
                for source in contract["source_modules"]
                for target in contract["forbidden_modules"]
                if _is_room(source) and _is_room(target)
            }
        for ignored in contract.get("ignore_imports", ()):
            source, target = ignored.split(" -> ")
            if target.startswith("service."):
                excepted.setdefault((_room(source), _room(target)), set()).add(target)
    return {
        source: [
            target if (source, target) not in refused else _with(target, excepted[source, target])
            for target in rooms
            if target != source and ((source, target) not in refused or (source, target) in excepted)
        ]
        for source in rooms
    }


def _with(room: str, modules: set[str]) -> str:
    return f"{room} ({', '.join(sorted(each.removeprefix(f'service.{room}.') for each in modules))})"


def _room(module: str) -> str:
    return module.split(".")[1]


def _is_room(module: str) -> bool:
    return module.count(".") == 1 and module.startswith("service.")
