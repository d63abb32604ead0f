"""Progress: a line with the time left on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
import logging

from service.runtime.progress_bar import log_handler, shown


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_the_share_and_the_time_left() -> None:
    """The line says what is done, how far it is and how long it will take, and is wiped at the end."""
    terminal = Terminal()
    with shown("calibrating", stream=terminal) as report:
        report(0.5)
    first, *_, last = [line for line in terminal.getvalue().split("\r") if line]
    assert first.startswith("calibrating   0 % |")
    assert first.endswith(" left")
    assert last.strip() == ""


def test_nothing_is_written_where_no_one_looks() -> None:
    """A log file or a pipe gets no progress line."""
    stream = io.StringIO()
    with shown("calibrating", stream=stream) as report:
        report(0.5)
    assert stream.getvalue() == ""


def test_a_log_line_stands_above_the_progress_line() -> None:
    """The progress line is wiped before a log line is written, and drawn again below it."""
    terminal = Terminal()
    handler = log_handler(terminal)
    with shown("replaying", stream=terminal) as report:
        report(0.5)
        handler.emit(logging.makeLogRecord({"msg": "a cycle"}))
        drawn = terminal.getvalue()
    before, _, after = drawn.partition("a cycle\n")
    assert before.split("\r")[-1].strip() == ""
    assert "replaying" in after


def test_a_pipe_gets_plain_log_lines() -> None:
    """Without a terminal the handler is the standard library's."""
    assert type(log_handler(io.StringIO())) is logging.StreamHandler
