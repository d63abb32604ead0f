"""Fuzz one decoder, or each in turn: `python -m tests.fuzz [TARGET] [--seconds N]`.

Needs atheris. What makes a decoder fail is written to `.data/fuzz` and printed; what reaches new code is kept
there too, and `--keep` adds the smallest set of it to the corpus.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
FOUND = Path(".data/fuzz")
MAX_LENGTH = 4_096
MEMORY_MB = 2_048


def main() -> int:
    """Run each target in a process of its own; return 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", nargs="?")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return _fuzz(options.target, options.seconds)
    names = [options.target] if options.target else sorted(path.name for path in CORPUS.iterdir())
    failed = []
    for name in names:
        arguments = [sys.executable, "-m", "tests.fuzz", name, "--inside", "--seconds", str(options.seconds)]
        status = subprocess.run(arguments, check=False).returncode
        sys.stdout.write(f"{name}: {'nothing found' if status == 0 else f'FAILED ({status})'}\n")
        failed += [name] if status else []
    return 1 if failed else 0


def _fuzz(name: str, seconds: int) -> int:
    import atheris  # noqa: PLC0415 - it is not installed with the rest
    import pandas as pd  # noqa: F401, PLC0415 - not within the first call, whose time is limited

    with atheris.instrument_imports(include=["service", "json", "gzip", "csv"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is imported

    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    arguments = [
        f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", f"-rss_limit_mb={MEMORY_MB}", "-timeout=20",
        "-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={found}/failed-",
        str(found), str(CORPUS / name),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
