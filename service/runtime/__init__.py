"""The machinery of a process: scheduler, threads, tasks, clock, logs."""
