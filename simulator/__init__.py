"""Real data, a real model and what happens to them: the demo and the scenarios."""
