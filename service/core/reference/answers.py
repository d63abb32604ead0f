"""Check a classifier's labels against those of the reference, and settle which label is the positive one.

A positive label that no labelled row of the reference has would measure a perfect model or a dead one, so it
is refused with what was found. Where nobody named it, the labels of an obvious pair (yes and no, true and
false, t and f, y and n, 1 and 0, positive and negative, in any case) are taken as they read, with a note.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.rows.class_labels import class_labels
from service.core.rows.label_form import PLAIN
from service.core.rows.task import Binary, Multiclass
from service.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from service.core.rows.batch import Batch
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Schema

    Classes = Mapping[str, int]  # rows by label

OBVIOUS_PAIRS = (
    ("yes", "no"),
    ("true", "false"),
    ("t", "f"),
    ("y", "n"),
    ("1", "0"),
    ("positive", "negative"),
)
MAX_SHOWN = 6
STRANGE_SHARE = 0.05  # of the predicted rows, from which classes that no label has are said
USUAL_NEGATIVES = {"0", "-1", "false", "no", "n", "f", "negative"}


@dataclass(frozen=True, slots=True)
class Settled:
    """The schema whose task names labels as the reference writes them, and what is worth knowing of them."""

    schema: Schema
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Side:
    # The labels of one column in the reference, and the column's form.
    name: str
    classes: Classes
    form: LabelForm

    @property
    def rows(self) -> int:
        return sum(self.classes.values())

    def forms(self, labels: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.form.text(label) for label in labels))


def settle(reference: Batch, schema: Schema, forms: Mapping[str, LabelForm]) -> Settled:
    """Return the schema with the task's labels settled by a reference whose labels are in their `forms`.

    Raises LabelError where a label of the task fits none of the reference's.
    """
    task = schema.task
    if not isinstance(task, Binary | Multiclass):
        return Settled(schema)
    target = _side(reference, task.target, forms)
    prediction = None if task.prediction is None else _side(reference, task.prediction, forms)
    notes: list[str] = []
    found: Binary | Multiclass
    if isinstance(task, Binary):
        found = _binary(task, target, prediction, notes)
    else:
        found = _multiclass(task, target, prediction, notes)
    return Settled(replace(schema, task=found), tuple(notes))


def _side(reference: Batch, name: str, forms: Mapping[str, LabelForm]) -> _Side:
    found = class_labels(reference.columns.get(name), reference.rows)
    classes: dict[str, int] = {}
    for code, label in enumerate(found.names):
        rows = int((found.codes == code).sum())
        if rows:
            classes[label] = classes.get(label, 0) + rows
    return _Side(name, dict(sorted(classes.items())), forms.get(name, PLAIN))


def _in_another_case(side: _Side, positive: Collection[str] | None) -> list[str]:
    # Labels that differ in case alone are different classes; of a binary task's negatives it is all one.
    alike: dict[str, list[str]] = {}
    for label in side.classes:
        if positive is None or label not in positive:
            alike.setdefault(label.casefold(), []).append(label)
    if positive is not None:
        alike = {
            case: [*labels, *(each for each in positive if each in side.classes and each.casefold() == case)]
            for case, labels in alike.items()
            if any(each.casefold() == case for each in positive)
        }
    same = [labels for labels in alike.values() if len(labels) > 1]
    return [
        f"{side.name}: its labels {_listed({label: side.classes[label] for label in labels})} differ in case "
        "alone, and count as different ones; write them alike"
        for labels in same
    ]


def _binary(task: Binary, target: _Side, prediction: _Side | None, notes: list[str]) -> Binary:
    positive = _positive(task, target, notes)
    notes += _third_labels(positive, target)
    for side in (target, prediction):
        notes += [] if side is None else _in_another_case(side, positive)
    if prediction is not None and prediction.classes:
        positive = _with_predicted(positive, target, prediction, notes)
    return replace(task, positive=positive, otherwise=(), is_guessed=False)


def _positive(task: Binary, target: _Side, notes: list[str]) -> tuple[str, ...]:
    for group in (task.positive, task.otherwise):
        if target.classes.keys() & set(group):
            if task.is_guessed:
                notes += _chance_positive(group, target)
            return group
        named = target.forms(group)
        if target.classes.keys() & set(named):
            return named
    declared = target.forms(task.positive)
    if not target.classes:
        notes.append(
            f"{target.name}: no row of the reference has a label, so that positive: {_either(declared)} "
            "cannot be checked"
        )
        return tuple(dict.fromkeys((*task.positive, *declared)))
    pair = _obvious_positive(target.classes)
    is_meant = task.is_guessed or bool(_lower(pair) & _lower(declared))
    if pair and is_meant and not target.classes.keys() & set(pair):
        taken = task.positive if set(pair) <= set(task.positive) else pair if task.is_guessed else declared
        notes.append(
            f"positive: all of {target.rows:,} labelled reference rows are {_listed(target.classes)}; "
            f"{_either(taken)} is taken as positive"
        )
        return taken
    if task.is_guessed and pair:
        notes.append(
            f"positive: of the labels {_listed(target.classes)} of {target.name!r} {_either(pair)} is taken "
            f"as positive; write positive: {_quoted(pair[0])} to say so"
        )
        return pair
    raise LabelError(
        f"positive: none of {target.rows} labelled reference rows is {_either(_declared(task, target))}; "
        f"they are {_listed(target.classes)}: {_advice(declared, pair, target.classes)}"
    )


def _chance_positive(positive: Collection[str], target: _Side) -> list[str]:
    # 1 is positive beside 0 or -1; beside 2 it is as likely the negative one.
    others = {label: rows for label, rows in target.classes.items() if label not in positive}
    if not others or any(label.lower() in USUAL_NEGATIVES for label in others):
        return []
    taken = [label for label in target.classes if label in positive]
    note = (
        f"positive: of the labels {_listed(target.classes)} of {target.name!r} {_either(taken)} is taken as "
        f"positive, for none is named; write positive: {_quoted(taken[0])} to say so, or "
        f"{_quoted(next(iter(others)))}"
    )
    return [note]


def _third_labels(positive: Collection[str], target: _Side) -> list[str]:
    # A binary target has two labels: what `unknown` means only its owner can say.
    negative = {label: rows for label, rows in target.classes.items() if label not in positive}
    if len(negative) < 2:  # noqa: PLR2004 - more than one
        return []
    rare = min(negative, key=lambda label: negative[label])
    note = (
        f"{target.name}: besides {_either(tuple(positive))} its labels are {_listed(negative)}, which count "
        f"as negative; where one of them is no label, say missing_words: [{_quoted(rare)}] of the column"
    )
    return [note]


def _declared(task: Binary, target: _Side) -> tuple[str, ...]:
    # The labels that were looked for, as they were named.
    return tuple(dict.fromkeys((*task.positive, *(() if task.is_guessed else target.forms(task.positive)))))


def _with_predicted(
    positive: tuple[str, ...], target: _Side, prediction: _Side, notes: list[str]
) -> tuple[str, ...]:
    named = tuple(dict.fromkeys((*positive, *prediction.forms(positive))))
    if prediction.classes.keys() & set(positive):
        return positive
    if prediction.classes.keys() & set(named):
        return named
    if prediction.classes.keys() <= target.classes.keys():
        notes.append(
            f"{prediction.name}: none of {prediction.rows:,} predicted rows is {_either(positive)}: all are "
            f" {_listed(prediction.classes)}"
        )
        return positive
    pair = _obvious_positive(prediction.classes)
    if pair:
        notes.append(
            f"{prediction.name}: its labels are {_listed(prediction.classes)}, those of {target.name!r} "
            f"{_listed(target.classes)}; {_either(pair)} is taken as positive"
        )
        return (*positive, *pair)
    raise LabelError(
        f"prediction: none of {prediction.rows} reference rows with a {prediction.name!r} is "
        f"{_either(positive)}; they are {_listed(prediction.classes)}, and the labels of {target.name!r} are "
        f"{_listed(target.classes)}: expected the same labels in both columns"
    )


def _multiclass(task: Multiclass, target: _Side, prediction: _Side | None, notes: list[str]) -> Multiclass:
    predicted: Classes = {} if prediction is None else prediction.classes
    if target.classes and predicted and not target.classes.keys() & predicted.keys():
        raise LabelError(
            f"prediction: no reference row is predicted to be of a class of {target.name!r}: it holds "
            f"{_listed(target.classes)}, {task.prediction!r} holds {_listed(predicted)}; expected the same "
            "labels in both columns"
        )
    for side in (target, prediction):
        notes += [] if side is None else _in_another_case(side, None)
    strange_classes = {label: rows for label, rows in predicted.items() if label not in target.classes}
    if target.classes and sum(strange_classes.values()) > STRANGE_SHARE * sum(predicted.values()):
        notes.append(
            f"prediction: {sum(strange_classes.values()):,} of {sum(predicted.values()):,} reference rows "
            f"have a predicted class that no label is, {_listed(strange_classes)}; the labels of "
            f"{target.name!r} are {_listed(target.classes)}: expected the same labels in both columns"
        )
    scores = tuple(sorted((target.form.text(label), column) for label, column in task.scores))
    known = target.classes.keys() | predicted.keys()
    strange = [label for label, _ in scores if target.classes and label not in known]
    unscored = [label for label in target.classes if label not in dict(scores)]
    for label in strange if unscored else ():
        near = difflib.get_close_matches(label, unscored, n=1, cutoff=0.0)[0]
        raise LabelError(
            f"scores.{label}: none of {target.rows} labelled reference rows is {_quoted(label)}; they are "
            f"{_listed(target.classes)}, and {_quoted(near)} has no column of scores"
        )
    notes += [
        f"scores.{label}: no labelled reference row is {_quoted(label)}; they are {_listed(target.classes)}"
        for label in strange
    ]
    return replace(task, scores=scores)


def _obvious_positive(classes: Collection[str]) -> tuple[str, ...]:
    # The positive labels of a pair that all classes belong to; where only its negative is there, in its case.
    lower = _lower(classes)
    for positive, negative in OBVIOUS_PAIRS:
        if not lower <= {positive, negative}:
            continue
        found = tuple(label for label in classes if label.lower() == positive)
        return found or tuple(dict.fromkeys(_in_case_of(label, positive) for label in classes))
    return ()


def _lower(labels: Iterable[str]) -> set[str]:
    return {label.lower() for label in labels}


def _in_case_of(model: str, word: str) -> str:
    return word.upper() if model.isupper() else word.capitalize() if model[:1].isupper() else word


def _advice(declared: Collection[str], pair: Collection[str], classes: Collection[str]) -> str:
    for label in classes:
        if label.lower() in _lower(declared) or label in pair:
            return f"write positive: {_quoted(label)}"
    equal = [label for label in classes if any(_is_same_number(label, name) for name in declared)]
    if equal:
        return f"write positive: {_quoted(equal[0])}"
    near = [label for name in declared for label in difflib.get_close_matches(name, classes, n=1)]
    if near:
        return f"write positive: {_quoted(near[0])}"
    example = next(iter(classes))
    return f"write positive: with the label that is positive, such as positive: {_quoted(example)}"


def _is_same_number(label: str, other: str) -> bool:
    try:
        return float(label) == float(other)
    except ValueError:
        return False


def _either(labels: Collection[str]) -> str:
    names = list(labels)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _listed(classes: Classes) -> str:
    shown = [f"{_quoted(label)} ({rows})" for label, rows in list(classes.items())[:MAX_SHOWN]]
    more = len(classes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _quoted(label: str) -> str:
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
