"""The season of an instant: its local day, and the cell of the day or week that it falls into."""
