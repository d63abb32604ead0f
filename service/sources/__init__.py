"""Where rows come from: each source is one file and one line in the composition root."""
