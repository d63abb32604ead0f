"""Mutation testing: changes one expression at a time and runs the tests that reach it."""
