"""Tables as strangers write them: the values of scikit-learn and SciPy, a refusal, or a note that says it.

Each row of the tables is a situation that once gave a wrong value without a word, or the wrong advice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from service.errors import TidegaugeError
from tidegauge import measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegauge import Measured

    Change = Callable[[pd.DataFrame], pd.DataFrame]

COLUMNS = {
    "amount": "numerical", "plan": "categorical", "score": "numerical", "guess": "categorical",
    "truth": "categorical",
}  # fmt: skip
BINARY = {"task": "binary", "target": "truth", "prediction": "guess", "score": "score"}
DRIFT = {"methods": ["ks"], "thresholds": "evidently"}


def rows(count: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, count)
    score = np.round(np.where(truth == 1, 0.5, 0.2) + random.random(count) / 2.1, 3)
    return pd.DataFrame(
        {
            "at": pd.date_range("2024-03-01", periods=count, freq="7min"),
            "amount": np.round(random.lognormal(6.0, 1.0, count), 2),
            "plan": random.choice(["basic", "plus", "pro"], count),
            "score": score,
            "guess": (score >= 0.5).astype(int),
            "truth": truth,
        }
    )


REFERENCE, CURRENT = rows(240, 1), rows(120, 2)
EXPECTED = {
    ("", "accuracy"): metrics.accuracy_score(CURRENT.truth, CURRENT.guess),
    ("", "precision"): metrics.precision_score(CURRENT.truth, CURRENT.guess),
    ("", "roc_auc"): metrics.roc_auc_score(CURRENT.truth, CURRENT.score),
    ("amount", "ks"): stats.ks_2samp(REFERENCE.amount, CURRENT.amount).pvalue,
    ("amount", "unparsable_share"): 0.0,
    ("plan", "missing_share"): 0.0,
    ("", "rows"): 120.0,
}


def measured(current: Any, reference: Any, **keys: Any) -> Measured:
    given: dict[str, Any] = {"columns": COLUMNS, "drift": DRIFT, **BINARY, **keys}
    return measure(current, reference, **{key: value for key, value in given.items() if value is not None})


def values(found: Measured) -> dict[tuple[str, str], float | None]:
    return {(m.series.column, m.series.metric): m.value for m in found.measurements if not m.series.segment}


def written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


def relabelled(**names: dict[int, Any]) -> Change:
    return lambda frame: frame.assign(**{column: frame[column].map(of) for column, of in names.items()})


def amounts(write: Callable[[float], object]) -> Change:
    return lambda frame: frame.assign(amount=[write(amount) for amount in frame["amount"]])


# Written into CSV files on both sides: all values are those of the plain rows.
EQUAL: dict[str, tuple[Change, dict[str, Any]]] = {
    "labels in two spellings": (relabelled(truth={1: "Y", 0: "N"}, guess={1: "y", 0: "n"}), {}),
    "no-break spaces around": (relabelled(truth={1: "yes\u00a0", 0: "no"}, guess={1: "yes", 0: "no"}), {}),
    "a plus sign": (amounts(lambda amount: f"+{amount}"), {}),
    "no-break spaces around numbers": (amounts(lambda amount: f"\u00a0{amount}\u00a0"), {}),
    "an option that reads them": (
        amounts(lambda amount: f"{amount} kg"),
        {"columns": {**COLUMNS, "amount": {"kind": "numerical", "strip": ["kg"]}}},
    ),
    "a numpy number as an option": (lambda frame: frame, {"positive": np.int64(1)}),
}


@pytest.mark.parametrize("case", EQUAL)
def test_what_is_written_otherwise_measures_the_same(case: str, tmp_path: Path) -> None:
    """The values equal those of scikit-learn and SciPy on the plain rows."""
    change, keys = EQUAL[case]
    sides = [written(change(side), tmp_path / f"{len(side)}.csv") for side in (CURRENT, REFERENCE)]
    found = values(measured(*sides, **keys))
    assert {key: found[key] for key in EXPECTED} == pytest.approx(EXPECTED, abs=1e-9)


def test_signs_of_negative_numbers_are_read(tmp_path: Path) -> None:
    """A typeset minus, one behind the number, and parentheses mean the same."""
    random = np.random.default_rng(3)
    plain = [np.round(random.normal(0, 100, count), 2) for count in (240, 120)]
    forms = ("\u2212{}", "{}-", "({})", "-{}")

    def side(numbers: np.ndarray, name: str) -> Path:
        texts = [forms[i % 4].format(-x) if x < 0 else f"{x}" for i, x in enumerate(numbers.tolist())]
        return written(pd.DataFrame({"amount": texts}), tmp_path / name)

    found = values(
        measure(
            side(plain[1], "c.csv"), side(plain[0], "r.csv"), columns={"amount": "numerical"}, drift=DRIFT
        )
    )
    assert found["amount", "ks"] == pytest.approx(stats.ks_2samp(*plain).pvalue, abs=1e-9)
    assert found["amount", "unparsable_share"] == 0.0


# Written into the reference: what is refused, from its column on.
ADVICE: dict[str, tuple[Change, str]] = {
    "three digits behind a comma": (
        amounts(lambda amount: f"0,{int(amount) % 900 + 100}"),
        'such as "0,',
    ),
    "units": (amounts(lambda amount: f"{amount}kg"), 'write amount: {kind: numerical, strip: ["kg"]}'),
    "underscores": (amounts(lambda amount: f"{int(amount) + 1000:_}"), 'thousands: "_"}'),
    "spreadsheet's quotes": (amounts(lambda amount: f'="{amount}"'), 'strip: ["=\\"", "\\""]}'),
    "either of two": (
        amounts(lambda amount: f"{int(amount) % 9000 + 1000:,}"),
        'thousands: ","}, or decimal: "," in its place if that is a number below 1,000',
    ),
    "points and commas": (
        amounts(lambda amount: f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))),
        'decimal: ",", thousands: "."}',
    ),
}


@pytest.mark.parametrize("case", ADVICE)
def test_numbers_that_are_not_read_come_with_the_option_that_reads_them(case: str, tmp_path: Path) -> None:
    """The advice, followed, reads every number; what multiplies a number is never stripped."""
    change, advice = ADVICE[case]
    with pytest.raises(TidegaugeError) as caught:
        measured(CURRENT, written(change(REFERENCE), tmp_path / "r.csv"))
    assert advice in str(caught.value)
    assert ('thousands: ","' in str(caught.value)) is (case == "either of two")


@pytest.mark.parametrize("unit", ["K", "M", "Mio", "%o", "bn"])
def test_what_multiplies_is_not_stripped(unit: str, tmp_path: Path) -> None:
    """1.5K is no 1.5, so that no option is proposed."""
    reference = written(amounts(lambda amount: f"{amount}{unit}")(REFERENCE), tmp_path / "r.csv")
    with pytest.raises(TidegaugeError) as caught:
        measured(CURRENT, reference)
    assert "strip" not in str(caught.value) or unit == "%o"


@pytest.mark.parametrize("word", ["?", "Null", "-", "#DIV/0!"])
def test_words_between_numbers_are_named(word: str) -> None:
    """A word for a missing value is said with the option that takes it for one."""
    current = CURRENT.assign(amount=[word if i % 9 == 0 else x for i, x in enumerate(CURRENT.amount)])
    found = measured(current, REFERENCE)
    assert any(f'missing_words: ["{word}"]}}: 14 of 120 rows (11.7%)' in note for note in found.notes)
    again = measured(
        current, REFERENCE, columns={**COLUMNS, "amount": {"kind": "numerical", "missing_words": [word]}}
    )
    assert values(again)["amount", "missing_share"] == pytest.approx(14 / 120)


# Of both sides: what is noted.
NOTED: dict[str, tuple[Change, dict[str, Any], str]] = {
    "a score of the other label": (
        lambda frame: frame.assign(score=1.0 - frame["score"]),
        {},
        "score: in the reference 'score' is lower for the positive label",
    ),
    "scores in percent": (
        lambda frame: frame.assign(score=frame["score"] * 100.0).drop(columns="guess"),
        {"prediction": None, "columns": {k: v for k, v in COLUMNS.items() if k != "guess"}},
        "score: 240 of 240 labelled reference rows have a 'score' outside 0 to 1",
    ),
    "labels 1 and 2": (
        lambda frame: frame.assign(truth=frame["truth"] + 1, guess=frame["guess"] + 1),
        {},
        'positive: of the labels "1" (',
    ),
    "predictions the other way round": (
        lambda frame: frame.assign(guess=1 - frame["guess"]),
        {},
        "prediction: reference rows that 'guess' says are",
    ),
    "a copied prediction": (
        lambda frame: frame.assign(guess=frame["truth"]),
        {},
        "prediction: 'guess' equals 'truth' in all 240 labelled reference rows",
    ),
    "labels in two cases": (
        lambda frame: frame.assign(
            truth=[("Good" if i % 2 else "good") if t else "bad" for i, t in enumerate(frame["truth"])],
            guess=frame["guess"].map({1: "good", 0: "bad"}),
        ),
        {"positive": "good"},
        'truth: its labels "Good" (',
    ),
    "another unit": (
        lambda frame: frame.assign(guess=frame["amount"] * 1.01, truth=frame["amount"] / 1000.0),
        {
            "task": "regression",
            "score": None,
            "columns": {"guess": "numerical", "truth": "numerical"},
        },
        "prediction: in the reference 'guess' is further from 'truth' than the mean label is",
    ),
    "classes from nought": (
        lambda frame: frame.assign(truth=frame.index % 3 + 1, guess=frame.index % 3),
        {"task": "multiclass", "score": None},
        "prediction: 80 of 240 reference rows have a predicted class that no label is",
    ),
    "probabilities in another order": (
        lambda frame: frame.assign(p0=frame["score"], p1=1.0 - frame["score"]),
        {
            "task": "multiclass",
            "score": None,
            "scores": {"0": "p0", "1": "p1"},
            "columns": {**COLUMNS, "p0": "numerical", "p1": "numerical"},
        },
        "scores: in only ",
    ),
}


@pytest.mark.parametrize("case", NOTED)
def test_a_reference_that_can_hardly_be_meant_is_noted(case: str) -> None:
    """The reference itself shows that a column is not what it is taken for."""
    change, keys, note = NOTED[case]
    found = measured(change(CURRENT), change(REFERENCE), **keys)
    assert [each for each in found.notes if each.startswith(note)], found.notes
    assert not [each for each in measured(CURRENT, REFERENCE).notes if each.startswith(note)]


@pytest.mark.parametrize(
    ("now", "column"),
    [({1: "YES", 0: "NO"}, "truth"), ({1: "1", 0: "0"}, "truth"), ({1: "ja", 0: "nein"}, "guess")],
)
def test_labels_that_the_reference_never_has_are_no_negatives(now: dict[int, str], column: str) -> None:
    """Their performance has a reason in place of 1.0 or 0.0; what needs no label is measured."""
    names = {1: "yes", 0: "no"}
    reference = relabelled(truth=names, guess=names)(REFERENCE)
    current = relabelled(**{"truth": names, "guess": names, column: now})(CURRENT)
    found = measured(current, reference)
    reasons = {m.series.metric: m.reason for m in found.measurements if m.series.aspect == "performance"}
    for metric in ("accuracy", "precision", "roc_auc", "brier"):
        assert values(found)["", metric] is None
        assert str(reasons[metric]).startswith(f"{column}: 120 of 120 labels are not among the reference's (")
    assert values(found)["amount", "ks"] == pytest.approx(EXPECTED["amount", "ks"], abs=1e-9)


def test_a_label_that_the_reference_lacks_by_chance_is_measured() -> None:
    """Where the reference has one label alone, or new ones are few, performance is that of all rows."""
    reference = REFERENCE.assign(truth=0, guess=0)
    found = values(measured(CURRENT, reference, positive="1"))
    assert found["", "accuracy"] == pytest.approx(EXPECTED["", "accuracy"], abs=1e-9)
    few = CURRENT.assign(truth=[2 if i < 20 else t for i, t in enumerate(CURRENT["truth"])])
    assert values(measured(few, REFERENCE))["", "accuracy"] is not None


# What is measured, and what is refused of it.
REFUSED: dict[str, tuple[Change, dict[str, Any], str]] = {
    "padded names": (
        lambda frame: frame.set_axis([f" {name}" for name in frame.columns], axis=1),
        {},
        "current: it has none of the expected columns (amount, plan, score, guess, truth); it has  at",
    ),
    "names of two levels": (
        lambda frame: frame.set_axis(pd.MultiIndex.from_product([["a"], frame.columns]), axis=1),
        {},
        "current: its columns have 2 levels, such as ('a', 'at')",
    ),
    "a misspelt time": (
        lambda frame: frame,
        {"timestamp": "att"},
        "timestamp: the reference has no column 'att'; the nearest is 'at'",
    ),
    "a misspelt key": (lambda frame: frame, {"windw": 3}, "windw: no such key; the nearest is window"),
    "a misspelt kind": (
        lambda frame: frame,
        {"columns": {"amount": "numeric"}},
        "columns.amount.kind: input should be 'numerical', 'categorical' or 'text', got 'numeric'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_cannot_be_meant_is_refused(case: str) -> None:
    """The message names what was expected and the nearest name."""
    change, keys, message = REFUSED[case]
    with pytest.raises(TidegaugeError) as caught:
        measured(change(CURRENT), REFERENCE, **keys)
    assert str(caught.value).startswith(message)


def test_an_index_and_numbers_as_names_are_columns() -> None:
    """A column that pandas made the index is read, and so are the columns of an array."""
    found = values(measured(CURRENT.set_index("truth"), REFERENCE.set_index("plan")))
    assert found["", "accuracy"] == pytest.approx(EXPECTED["", "accuracy"], abs=1e-9)
    arrays = [pd.DataFrame(side[["amount", "score"]].to_numpy()) for side in (CURRENT, REFERENCE)]
    found = values(measure(*arrays, columns={0: "numerical", 1: "numerical"}, drift=DRIFT))
    assert found["0", "ks"] == pytest.approx(EXPECTED["amount", "ks"], abs=1e-9)


def test_files_that_are_no_part_of_a_table(tmp_path: Path) -> None:
    """A strange file in a folder is named, a file by two links is read once, a header again is no row."""
    folder = tmp_path / "rows"
    folder.mkdir()
    text = CURRENT.to_csv(index=False)
    header = text.split("\n", 1)[0]
    first, second = text.splitlines()[1:61], text.splitlines()[61:]
    (folder / "a.csv").write_text("\n".join([header, *first, header, *second]) + "\n")
    (folder / "latest.csv").symlink_to(folder / "a.csv")
    (folder / "again").symlink_to(folder)
    for path in (folder, folder / "**" / "*.csv"):
        found = measured(path, REFERENCE)
        assert {key: values(found)[key] for key in EXPECTED} == pytest.approx(EXPECTED, abs=1e-9)
        assert "current: 1 of 121 rows are left out: line 62 repeats the header" in found.notes
    (folder / "README.md").write_text("# Rows\nof a day\n")
    with pytest.raises(TidegaugeError, match=r"README\.md: it has none of the expected columns"):
        measured(folder, REFERENCE)


def test_rows_of_nothing_and_cells_of_texts_are_said(tmp_path: Path) -> None:
    """Rows without any value, and cells of another kind, of the current side too."""
    path = tmp_path / "c.csv"
    path.write_text(CURRENT.to_csv(index=False) + ",,,,,\n" * 3)
    assert "current: 3 of 123 rows hold no value at all, and count as rows with all missing" in (
        measured(path, REFERENCE).notes
    )
    found = measured(written(amounts(lambda amount: f"{amount:,.2f}")(CURRENT), path), REFERENCE)
    assert any('write amount: {kind: numerical, thousands: ","}: ' in note for note in found.notes)
    found = measured(CURRENT.rename(columns={"amount": "Amount"}), REFERENCE)
    assert "current: it has no column 'amount'; the nearest is 'Amount'" in found.notes


def test_binary_ids_are_told_apart_and_rounded_ones_refused() -> None:
    """Bytes that are no text are their digits; an id that shares its float with another is none."""
    ids = [bytes([255, number]) for number in range(120, 240)]
    repeated = measured(CURRENT.assign(key=ids), REFERENCE.assign(key=range(240)), id="key")
    assert values(repeated)["key", "duplicate_id_share"] == 0.0
    with pytest.raises(TidegaugeError, match="the ids are 64-bit floats such as 9007199254740992"):
        measured(CURRENT.assign(key=2.0**53 + np.arange(120)), REFERENCE.assign(key=range(240)), id="key")


def test_the_reference_s_own_figure_is_no_change() -> None:
    """A perfect regression stays perfect: a mean error of 0 is not beyond a limit of 0."""
    perfect = [side.assign(guess=side["amount"], truth=side["amount"]) for side in (CURRENT, REFERENCE)]
    found = measured(
        *perfect, task="regression", score=None, columns={"guess": "numerical", "truth": "numerical"}
    )
    assert not [m for m in found.breached if m.series.aspect == "performance"]
