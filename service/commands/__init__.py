"""The command line's commands: one file per command."""
