"""Labels in a monitor file: as they are written, whatever YAML makes of them.

YAML reads `Yes`, `NO` and `on` as truth values, `007` as the number 7 and `12:30` as 750. Where a label, a
word or a column's name is expected, the text that stands in the file is kept beside that value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from service.core.rows.label_text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Scalar = str | bool | int | float
_PREFIX = "!tidegauge/as-written:"
# The places of labels: keys from the file's top, `*` for any; a mapping's keys where the last is KEYS.
_KEYS = "(keys)"
_PLACES: tuple[tuple[str, ...], ...] = (
    ("positive",),
    ("scores", _KEYS),
    ("by", "*"),
    ("missing_words", "*"),
    ("columns", "*", "allowed", "*"),
    ("columns", "*", "missing_words", "*"),
)


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """A label as it is written, and the `value` that YAML reads in it."""

    text: str
    value: Scalar

    @property
    def texts(self) -> tuple[str, ...]:
        """The canonical texts that a label may have meant, the likelier first.

        `007` and `12:30` are names; `1.0` is a number, `true` a truth value whose text is `True`, and `Yes`
        most likely what it says.
        """
        own = text_of(self.text) or ""
        is_name = own[:1] == "0" and own[1:2].isdigit()
        if isinstance(self.value, str) or is_name or ":" in own:
            return (own,)
        value = text_of(self.value) or ""
        is_word = isinstance(self.value, bool) and own.lower() != value.lower()
        return tuple(dict.fromkeys((own, value) if is_word else (value, own)))


def is_label(keys: Sequence[str | int]) -> bool:
    """Say whether a label is expected in the place of `keys`, from the file's top."""
    return any(
        len(place) == len(keys)
        and all(part in {"*", str(key)} for part, key in zip(place, keys, strict=True))
        for place in _PLACES
    )


def as_written(value: Any) -> Any:
    """Return a scalar as a label; anything else as it is."""
    if isinstance(value, bool | int | float):
        return WrittenLabel(str(value).lower() if isinstance(value, bool) else text_of(value) or "", value)
    return WrittenLabel(value, value) if isinstance(value, str) else value


def as_text(value: Any) -> Any:
    """Return the text of a label that was read as it is written; anything else as it is."""
    return value.text if isinstance(value, WrittenLabel) else value


def _value(label: WrittenLabel) -> Scalar:
    return label.value


_ANY_SCALAR = {"anyOf": [{"type": name} for name in ("string", "boolean", "integer", "number")]}
Label = Annotated[
    WrittenLabel, BeforeValidator(as_written), PlainSerializer(_value), WithJsonSchema(_ANY_SCALAR)
]
Word = Annotated[str, BeforeValidator(as_text)]


class _Loader(yaml.SafeLoader):
    """A safe loader that knows labels."""


def _construct(loader: _Loader, tag: str, node: yaml.ScalarNode) -> Any:
    value = loader.construct_object(yaml.ScalarNode(tag, node.value))
    return WrittenLabel(node.value, value if isinstance(value, bool | int | float) else node.value)


_Loader.add_multi_constructor(_PREFIX, _construct)


def load(text: str) -> Any:
    """Return a YAML text's content, with its labels as they are written. Raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        for node in _labels(root, _PLACES):
            if node.style is None and not node.tag.startswith(_PREFIX):
                node.tag = f"{_PREFIX}{node.tag}"
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _labels(node: yaml.Node, places: Sequence[tuple[str, ...]]) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        if () in places:
            yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if any(place[:1] == (_KEYS,) for place in places) and isinstance(key, yaml.ScalarNode):
                yield key
            below = _below(places, str(key.value))
            if not value.tag.endswith(":null"):  # a key with nothing behind it is as good as none
                yield from _labels(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _labels(value, _below(places, "*"))


def _below(places: Sequence[tuple[str, ...]], key: str) -> list[tuple[str, ...]]:
    return [place[1:] for place in places if place[:1] in {(key,), ("*",)}]
