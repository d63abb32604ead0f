"""The data that everything is compared with, and what is fitted on it."""
