"""A pytest session that stays in memory: every mutant runs its tests in a forked child of it."""

from __future__ import annotations

import ast
import builtins
import functools
import gc
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

from tools.mutation.sites import marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tools.mutation.sites import Site, Source

Key = tuple[str, str, int]
Functions = dict[Key, list[FunctionType]]

# A mutant may loop for ever, or ask for all the memory there is.
SECONDS_AT_LEAST, TIMES_SLOWER = 10.0, 5.0
MEMORY = 6 << 30
STATUS_SURVIVED, STATUS_KILLED, STATUS_BROKEN = 0, 1, 3


class Outcome(StrEnum):
    """How a mutant ended: `UNREACHED` where no test runs the statement, `BROKEN` where it is no program."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    UNREACHED = "unreached"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Result:
    """How one mutant ended, how many tests reach it and how many seconds it took."""

    site: Site
    outcome: Outcome
    tests: int
    seconds: float


@dataclass(slots=True)
class Child:
    """A running child, with when it started and when it is stopped; without a `site` it runs no mutant."""

    site: Site | None
    tests: int
    started: float
    until: float


@dataclass(slots=True)
class Session:
    """Plugin of pytest: maps tests to statements, then runs the mutants in children.

    `wanted`: the sources, each with the mutants to be run.
    `jobs`: how many children run at a time.
    `ended`: called with each result.
    `results`: how the mutants ended.
    `failed`: the tests that failed without a mutant.
    """

    wanted: Sequence[tuple[Source, Sequence[Site]]]
    jobs: int
    ended: Callable[[Result], object] = lambda _: None
    results: list[Result] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the name of a test that failed."""
        if report.failed:
            self.failed.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once as they are, once in a child, and then those that each mutant needs."""
        if session.testsfailed or not session.items:
            return False
        functions = _functions(str(source.path) for source, _ in self.wanted)
        _say(f"{len(session.items)} tests run once, to see which statements each reaches")
        reach = _reach([source for source, _ in self.wanted], session.items, functions)
        if self.failed:
            _say("failing without a mutant: " + ", ".join(self.failed))
            return True
        _clear_caches()
        gc.freeze()
        runner = _Runner(self, session.items, functions, reach)
        if not runner.passes_without_mutant():
            self.failed.append("a child without a mutant")
            _say("the tests pass, and fail in a forked child: no mutant could be told from that")
            return True
        runner.run_all()
        return True


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests reach each statement (places in the session's list), and how long each test takes."""

    tests: dict[int, list[int]]
    seconds: list[float]

    def of(self, statement: int) -> list[int]:
        """Return the tests that reach a statement, quickest first."""
        return sorted(self.tests.get(statement, []), key=lambda at: self.seconds[at])

    def limit(self, tests: Iterable[int]) -> float:
        """Return how many seconds these tests may take of the processor."""
        return SECONDS_AT_LEAST + TIMES_SLOWER * sum(self.seconds[at] for at in tests)


def _reach(sources: Sequence[Source], items: Sequence[pytest.Item], functions: Functions) -> Reach:
    """Run each test with functions that say which of their statements they come to."""
    reached: set[int] = set()
    builtins.__mutation_reached__ = reached.add  # type: ignore[attr-defined]
    undo = [
        change
        for source in sources
        for change in _replace(compile(marked(source), str(source.path), "exec"), functions)
    ]
    found = Reach({}, [])
    for at, item in enumerate(items):
        reached.clear()
        started = time.perf_counter()
        _run(item, items[at + 1] if at + 1 < len(items) else None)
        found.seconds.append(time.perf_counter() - started)
        for number in reached:
            found.tests.setdefault(number, []).append(at)
    for function, code in undo:
        function.__code__ = code
    return found


@dataclass(slots=True)
class _Runner:
    """Runs mutants in children of this process, some at a time."""

    session: Session
    items: Sequence[pytest.Item]
    functions: Functions
    reach: Reach
    running: dict[int, Child] = field(default_factory=dict)

    def passes_without_mutant(self) -> bool:
        """Run all tests in a child that changes nothing."""
        tests = range(len(self.items))
        self._fork(None, None, tests)
        (pid,) = self.running
        del self.running[pid]
        return _outcome(os.waitpid(pid, 0)[1]) is Outcome.SURVIVED

    def run_all(self) -> None:
        todo = [(source, site) for source, sites in self.session.wanted for site in sites]
        said = time.monotonic()
        while todo or self.running:
            while todo and len(self.running) < self.session.jobs:
                source, site = todo.pop(0)
                tests = self.reach.of(site.statement)
                if tests:
                    self._fork(source, site, tests)
                else:
                    self._end(Result(site, Outcome.UNREACHED, 0, 0.0))
            self._reap()
            if time.monotonic() > said + 60:
                said = time.monotonic()
                _say(f"{len(self.session.results)} mutants done, {len(todo)} to go")

    def _fork(self, source: Source | None, site: Site | None, tests: Sequence[int]) -> None:
        now, limit = time.monotonic(), self.reach.limit(tests)
        pid = os.fork()
        if pid == 0:
            self._be_child(source, site, [self.items[at] for at in tests], int(limit))
        self.running[pid] = Child(site, len(tests), now, now + 3 * limit)

    def _be_child(
        self, source: Source | None, site: Site | None, tests: Sequence[pytest.Item], seconds: int
    ) -> None:
        """Run the tests until one fails, and leave the process."""
        status = STATUS_BROKEN
        try:
            silent, heard = os.open(os.devnull, os.O_WRONLY), os.dup(2)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            if source is not None and site is not None:
                _apply(source, site, self.functions)
            status = STATUS_KILLED
            for at, item in enumerate(tests):
                _run(item, tests[at + 1] if at + 1 < len(tests) else None)
                if self.session.failed:
                    break
            else:
                status = STATUS_SURVIVED
            if site is None:
                os.write(heard, "".join(f"{name}\n" for name in self.session.failed).encode())
        finally:
            os._exit(status)

    def _reap(self) -> None:
        now = time.monotonic()
        for pid, child in list(self.running.items()):
            late = now > child.until
            if late:
                os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0 if late else os.WNOHANG)
            if ended and child.site is not None:
                del self.running[pid]
                self._end(Result(child.site, _outcome(status), child.tests, now - child.started))
        if self.running:
            time.sleep(0.005)

    def _end(self, result: Result) -> None:
        self.session.results.append(result)
        self.session.ended(result)


def _outcome(status: int) -> Outcome:
    if os.WIFSIGNALED(status):
        too_long = os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL}
        return Outcome.TIMEOUT if too_long else Outcome.KILLED
    known = {STATUS_SURVIVED: Outcome.SURVIVED, STATUS_KILLED: Outcome.KILLED}
    return known.get(os.WEXITSTATUS(status), Outcome.BROKEN)


def _apply(source: Source, site: Site, functions: Functions) -> None:
    """Put the mutant into the functions that exist."""
    site.swap(ast.copy_location(site.after, source.statements[site.statement]))
    code = compile(ast.fix_missing_locations(source.tree), str(source.path), "exec")
    if not _replace(code, functions):
        raise LookupError(f"{site.name}: no function of {source.path} exists in this process")


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _functions(paths: Iterable[str]) -> Functions:
    """Return the functions of these files that exist, by file, name and line."""
    wanted, found = set(paths), Functions()
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in wanted:
            found.setdefault(_key(thing.__code__), []).append(thing)
    return found


def _replace(module: CodeType, functions: Functions) -> list[tuple[FunctionType, CodeType]]:
    """Give the functions of a file the code of a compiled one, and return what they had."""
    before = []
    for code in _codes(module):
        for function in functions.get(_key(code), []):
            if function.__code__.co_freevars == code.co_freevars:
                before.append((function, function.__code__))
                function.__code__ = code
    return before


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


@functools.lru_cache
def _cached() -> None:
    """Nothing: its type is that of everything cached."""


def _clear_caches() -> None:
    for thing in gc.get_objects():
        if isinstance(thing, type(_cached)):
            thing.cache_clear()


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n")  # type: ignore[union-attr]
