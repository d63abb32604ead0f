"""The replay source: a file played in steps of event time."""
