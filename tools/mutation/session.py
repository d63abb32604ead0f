"""A pytest session that stays in memory: every mutant runs its tests in a forked child of it."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, Any

import pytest

from tools.mutation.sites import marked

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tools.mutation.sites import Site, Source

Key = tuple[str, str, int]
Functions = dict[Key, list[FunctionType]]

# A mutant may loop for ever, or ask for all the memory there is.
SECONDS_AT_LEAST, TIMES_SLOWER = 10.0, 5.0
MEMORY = 6 << 30


class Outcome(StrEnum):
    """How a mutant ended: `UNREACHED` where no test runs the statement."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Result:
    """How one mutant ended, how many tests reach it and how many seconds it took."""

    site: Site
    outcome: Outcome
    tests: int
    seconds: float


@dataclass(slots=True)
class Child:
    """A running child, with when it started and when it is stopped."""

    site: Site
    tests: int
    started: float
    until: float


@dataclass(slots=True)
class Session:
    """Plugin of pytest: maps tests to statements, then runs the mutants in children.

    `wanted`: the sources, each with the mutants to be run.
    `jobs`: how many children run at a time.
    `ended`: called with each result.
    """

    wanted: Sequence[tuple[Source, Sequence[Site]]]
    jobs: int
    ended: Callable[[Result], None] = lambda _: None
    results: list[Result] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reached: dict[int, list[int]] = field(default_factory=dict)
    durations: list[float] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the name of a test that failed."""
        if report.failed:
            self.failed.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once as they are, then those that each mutant needs."""
        if session.testsfailed or not session.items:
            return False
        functions = _functions(str(source.path) for source, _ in self.wanted)
        _say(f"{len(session.items)} tests run once, to see which statements each reaches")
        self._map(session.items, functions)
        if self.failed:
            _say("failing without a mutant: " + ", ".join(self.failed))
            return True
        _clear_caches()
        gc.freeze()
        self._run_all(session.items, functions)
        return True

    def _map(self, items: Sequence[pytest.Item], functions: Functions) -> None:
        reached: set[int] = set()
        builtins.__mutation_reached__ = reached.add  # type: ignore[attr-defined]
        undo = [
            change
            for source, _ in self.wanted
            for change in _replace(compile(marked(source), str(source.path), "exec"), functions)
        ]
        for at, item in enumerate(items):
            reached.clear()
            started = time.perf_counter()
            _run(item, items[at + 1] if at + 1 < len(items) else None)
            self.durations.append(time.perf_counter() - started)
            for number in reached:
                self.reached.setdefault(number, []).append(at)
        for function, code in undo:
            function.__code__ = code

    def _run_all(self, items: Sequence[pytest.Item], functions: Functions) -> None:
        todo = [(source, site) for source, sites in self.wanted for site in sites]
        running: dict[int, Child] = {}
        last = time.monotonic()
        while todo or running:
            while todo and len(running) < self.jobs:
                source, site = todo.pop(0)
                tests = sorted(self.reached.get(site.statement, []), key=lambda at: self.durations[at])
                if not tests:
                    self._end(Result(site, Outcome.UNREACHED, 0, 0.0))
                    continue
                now, limit = time.monotonic(), self._limit(tests)
                child = os.fork()
                if child == 0:
                    _in_child(source, site, [items[at] for at in tests], functions, self)
                running[child] = Child(site, len(tests), now, now + 3 * limit)
            self._reap(running)
            if time.monotonic() > last + 60:
                last = time.monotonic()
                _say(f"{len(self.results)} mutants done, {len(todo)} to go")

    def _end(self, result: Result) -> None:
        self.results.append(result)
        self.ended(result)

    def _limit(self, tests: Sequence[int]) -> float:
        return SECONDS_AT_LEAST + TIMES_SLOWER * sum(self.durations[at] for at in tests)

    def _reap(self, running: dict[int, Child]) -> None:
        now = time.monotonic()
        for pid, child in list(running.items()):
            if now > child.until:
                os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0 if now > child.until else os.WNOHANG)
            if ended:
                del running[pid]
                self._end(Result(child.site, _outcome(status), child.tests, now - child.started))
        if running:
            time.sleep(0.005)


def _outcome(status: int) -> Outcome:
    if os.WIFSIGNALED(status):
        too_long = os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL}
        return Outcome.TIMEOUT if too_long else Outcome.KILLED
    return Outcome.SURVIVED if os.WEXITSTATUS(status) == 0 else Outcome.KILLED


def _in_child(
    source: Source, site: Site, tests: Sequence[pytest.Item], functions: Functions, session: Session
) -> None:
    """Run the tests with the mutant until one fails, and leave the process."""
    status = 1
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        seconds = int(session._limit([tests_at for tests_at in session.reached[site.statement]]))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        apply(source, site, functions)
        for at, item in enumerate(tests):
            _run(item, tests[at + 1] if at + 1 < len(tests) else None)
            if session.failed:
                break
        else:
            status = 0
    finally:
        os._exit(status)


def apply(source: Source, site: Site, functions: Functions) -> None:
    """Put the mutant into the running functions."""
    import ast

    site.swap(ast.fix_missing_locations(ast.copy_location(site.after, source.statements[site.statement])))
    code = compile(ast.fix_missing_locations(source.tree), str(source.path), "exec")
    for _ in _replace(code, functions):
        pass


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


def _clear_caches() -> None:
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper):
            thing.cache_clear()


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n")  # type: ignore[union-attr]
