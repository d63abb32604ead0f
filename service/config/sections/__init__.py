"""The sections of a monitor file, one per module, each with its checks."""
