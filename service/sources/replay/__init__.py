"""The replay source: a file of past rows, played in steps of event time or of rows."""
