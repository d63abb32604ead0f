"""The command line: which commands and options there are, and what each calls.

Exit status: 0 after a clean stop, 2 for bad configuration, 1 otherwise, as where `status` finds an alarm. A
command is imported when it is called, so that `--help` answers at once.
"""

from service.cli.main import main

__all__ = ["main"]
