"""Data sets of installed packages, as files that a stranger would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from river.datasets import Phishing
from sklearn import datasets

from simulator.datasets import flight_files

if TYPE_CHECKING:
    from pathlib import Path


def breast_cancer(folder: Path) -> Path:
    path = folder / "breast_cancer.csv"
    datasets.load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
    return path


def wine(folder: Path) -> Path:
    path = folder / "wine.csv"
    datasets.load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


def diabetes(folder: Path) -> Path:
    path = folder / "diabetes.parquet"
    datasets.load_diabetes(as_frame=True).frame.to_parquet(path, index=False)
    return path


def flights(folder: Path) -> Path:
    flights_file, _ = flight_files()
    path = folder / "flights.csv"
    pd.read_csv(flights_file).iloc[::9].to_csv(path, index=False)
    return path


def phishing(folder: Path) -> Path:
    path = folder / "phishing.jsonl"
    rows = pd.DataFrame([{**features, "is_phishing": label} for features, label in Phishing()])
    rows.to_json(path, orient="records", lines=True)
    return path
