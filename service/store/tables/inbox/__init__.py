"""The inbox: what was accepted and waits for a cycle, labels ahead of their rows, and what became of them."""
