"""Labels and ids of public bug reports: equal rows measure the same, whatever file and type they have."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from service.commands.check import check
from service.config.settings import Settings
from service.errors import LabelError
from tests.cases.play import DATA, case, play

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

INTEGERS = "05-int-as-float-category"
BINARY = "06-binary-float-labels"
HUGE = "16-huge-int-category"
IDS = "17-label-ids-zeros"
NULLS = "48-null-words"
POSITIVE = "78-positive-never-seen"


@pytest.mark.parametrize("file", ["c05_csv_csv", "c05_csv_pq", "c05_pq_csv", "c05_pq_pq"])
async def test_an_integer_column_with_a_blank_keeps_its_categories(
    file: str, tmp_path: Path, pool: asyncpg.Pool
) -> None:
    """`1.0` in a CSV file is the store 1 of every other file."""
    first, _ = await play(case(INTEGERS, file, tmp_path), pool)
    assert first.of("store", "jensenshannon") == pytest.approx(0.0129, abs=5e-5)
    assert first.of("store", "new_category_share") == first.of("store", "vanished_categories") == 0.0


@pytest.mark.parametrize("file", ["c06_csv_cat", "c06_csv_num", "c06_pq_cat"])
async def test_labels_that_became_floats_are_the_classes(
    file: str, tmp_path: Path, pool: asyncpg.Pool
) -> None:
    """The label `1.0` is the class 1 of prediction and reference, as a category and as a number."""
    first, second = await play(case(BINARY, file, tmp_path), pool)
    found = [first[name] for name in ("accuracy", "precision", "observed_positive_rate", "pending_rows")]
    assert found == pytest.approx([0.6963, 0.6939, 0.5148, 30.0], abs=5e-5)
    assert second["accuracy"] == pytest.approx(0.6815, abs=5e-5)


@pytest.mark.parametrize("file", ["c16_csv", "c16_pq"])
async def test_integers_beyond_a_double_are_told_apart(file: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """Two campaigns whose numbers share a double are two categories."""
    first, _ = await play(case(HUGE, file, tmp_path), pool)
    assert first.of("campaign", "jensenshannon") == pytest.approx(0.4596, abs=5e-5)
    assert first.of("campaign", "chisquare") == pytest.approx(3.7e-244, rel=0.02)


@pytest.mark.parametrize("file", ["c17_csv_csv", "c17_csv_pq", "c17_letter_csv"])
async def test_an_id_is_what_is_written(file: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """`000002` keeps its zeros, whatever the file and whatever other ids there are."""
    windows = await play(case(IDS, file, tmp_path), pool)
    found = [window["mae"] for window in windows]
    assert found == pytest.approx([2.7659, 2.1832, 2.4747, 2.2037, 2.5733], abs=5e-5)
    assert [window["unmatched_label_share"] for window in windows] == [0.0] * 5


@pytest.mark.parametrize("file", ["c48_na", "c48_nan", "c48_null", "c48_num"])
async def test_a_word_for_nothing_is_no_label(file: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """A row whose label is NA, NaN or NULL waits for one."""
    first, second = await play(case(NULLS, file, tmp_path), pool)
    assert [(w["accuracy"], w["pending_rows"]) for w in (first, second)] == [(0.71, 100.0), (0.73, 100.0)]


@pytest.mark.parametrize("file", ["c78_yesno", "c78_yesno_quoted"])
async def test_an_obvious_pair_is_taken_as_it_reads(file: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """Of yes and no, yes is positive whether it is named or not."""
    first, second = await play(case(POSITIVE, file, tmp_path), pool)
    assert [first["accuracy"], second["accuracy"]] == [0.66, 0.685]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "c78_case",
            (
                "positive: none of 400 labelled reference rows is approved; they are "
                '"Approved" (191), "Rejected" (209): write positive: "Approved"'
            ),
        ),
        (
            "c78_default",
            (
                "positive: none of 400 labelled reference rows is 1, True or true; they are "
                '"Approved" (191), "Rejected" (209): write positive: with the label that is positive'
            ),
        ),
        (
            "c78_multi",
            (
                "prediction: no reference row is predicted to be of a class of 'outcome': it holds "
                '"Approved" (191), "Rejected" (209), \'answer\' holds "approved" (195), "rejected" (205)'
            ),
        ),
    ],
)
async def test_labels_that_never_meet_are_refused(
    file: str, message: str, tmp_path: Path, pool: asyncpg.Pool, database_url: str
) -> None:
    """A label that the reference never has is a fault of the start and of `check`, with what was found."""
    path = case(POSITIVE, file, tmp_path)
    with pytest.raises(LabelError) as error:
        await play(path, pool)
    assert str(error.value).startswith(message)
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.window_run") == 0
    found = await check(Settings(monitors_dir=tmp_path, database_url=database_url))
    assert [str(fault).startswith(f"{file}: {message}") for fault in found.faults] == [True]


async def test_what_was_taken_is_said(tmp_path: Path, database_url: str) -> None:
    """`check` notes which label was taken as positive, and which words as missing."""
    case(POSITIVE, "c78_yesno", tmp_path)
    case(NULLS, "c48_na", tmp_path)
    found = await check(Settings(monitors_dir=tmp_path, database_url=database_url))
    assert not found.faults
    assert sorted(map(str, found.notes)) == [
        (
            "c48_na: bought: 200 of 400 source rows hold 'NA', which is taken as missing; "
            "where it is a label, say missing_words: [] of the column"
        ),
        (
            'c78_yesno: positive: of the labels "no" (199), "yes" (201) of \'outcome\' yes is taken as '
            'positive; write positive: "yes" to say so'
        ),
    ]


async def test_ids_that_never_meet_are_reported(tmp_path: Path, pool: asyncpg.Pool) -> None:
    """The number 2 is not the text `000002`: a reason, an event and a breach say so, with one of each."""
    path = case(IDS, "c17_csv_pq", tmp_path)
    labels = pd.read_parquet(DATA / IDS / "labels.parquet")
    labels["order_id"] = labels["order_id"].astype(int)
    labels.to_parquet(tmp_path / "labels.parquet")
    path.write_text(
        path.read_text().replace(str(DATA / IDS / "labels.parquet"), str(tmp_path / "labels.parquet"))
    )
    windows = await play(path, pool)
    account = "found no row that waits: an id among the labels is the number"
    for window in windows:
        assert (window["mae"], window["unmatched_label_share"]) == (None, 1.0)
        assert account in window.reasons["performance", "", "", "mae", ""]
    events = await pool.fetch("SELECT kind, message FROM tidegauge.event WHERE kind = 'labels_unmatched'")
    assert len(events) == 1
    assert events[0]["message"].endswith(
        'among the rows the text "000001"; those of the rows have zeros in front'
    )
    breached = "SELECT bool_and(breached) FROM tidegauge.metrics WHERE metric = 'unmatched_label_share'"
    assert await pool.fetchval(breached)


@pytest.mark.parametrize("kind", ["int", "float", "decimal", "string"])
async def test_ids_of_numbers_meet_whatever_their_type(kind: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """5, 5.0 and "5" are one id, a null among them changes nothing, and 2**53 + 1 is not 2**53."""
    rows = pd.read_csv(DATA / IDS / "cur_plain.csv", dtype={"order_id": str})
    labels = pd.read_csv(DATA / IDS / "labels.csv", dtype={"order_id": str})
    offset = 2**53 if kind in {"int", "decimal", "string"} else 0
    turned = {
        "int": lambda text: int(text) + offset,
        "float": float,
        "decimal": lambda text: Decimal(int(text) + offset),
        "string": lambda text: str(int(text) + offset),
    }[kind]
    rows["order_id"] = [str(int(text) + offset) for text in rows["order_id"]]
    labels = labels.loc[[*labels.index, labels.index[-1]]].reset_index(drop=True)
    ids = [*map(turned, labels["order_id"][:-1]), None]
    dtype = {"int": "Int64", "float": "float64"}.get(kind, "object")
    labels["order_id"] = pd.Series(ids, dtype=dtype)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    labels.to_parquet(tmp_path / "labels.parquet")
    path = case(IDS, "c17_csv_pq", tmp_path)
    text = path.read_text().replace(str(DATA / IDS / "labels.parquet"), str(tmp_path / "labels.parquet"))
    path.write_text(text.replace(str(DATA / IDS / "cur_plain.csv"), str(tmp_path / "rows.csv")))
    windows = await play(path, pool)
    assert [window["mae"] for window in windows] == pytest.approx(
        [2.7659, 2.1832, 2.4747, 2.2037, 2.5733], abs=5e-5
    )


async def test_a_numerical_column_of_long_numbers_says_that_it_is_rounded(
    tmp_path: Path, pool: asyncpg.Pool
) -> None:
    """The share of numbers that share their double is measured where there are some."""
    path = case(HUGE, "c16_pq", tmp_path)
    text = path.read_text().replace("categorical", "numerical").replace("[jensenshannon, chisquare]", "[ks]")
    path.write_text(text)
    first, _ = await play(path, pool)
    assert first.of("campaign", "inexact_share") == 1.0
