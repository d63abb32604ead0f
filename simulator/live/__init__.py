"""The live demo: a model's service, traffic against it, and Tidegauge."""
