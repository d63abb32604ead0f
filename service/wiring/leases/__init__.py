"""This process as one of several replicas: it keeps leases, and runs the cycles of the monitors it holds."""
