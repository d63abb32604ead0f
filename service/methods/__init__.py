"""The measuring: pure functions of profiles, each method one entry in the registry."""
