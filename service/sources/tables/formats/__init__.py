"""One file per format of tables: what a file is, how it is opened, and how its bytes become a table."""
