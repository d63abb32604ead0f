"""Where rows come from: a folder for each kind of source, a line for each in `registry.py`."""
