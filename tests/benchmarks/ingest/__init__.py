"""How fast rows are taken in, beside `COPY` of the same rows into a table on the same server."""
