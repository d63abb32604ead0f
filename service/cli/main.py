"""Run a command, and say by the exit status how it ended."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from service.cli.options import build_parser
from service.commands.exit_status import CLEAN, FAILED, INTERRUPTED, MISCONFIGURED
from service.commands.parser import with_separator
from service.errors import ConfigurationError, TidegaugeError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the process's own where None) name; return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(with_separator(given))
    try:
        status: int = options.command(options)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return MISCONFIGURED
    except TidegaugeError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    return status
