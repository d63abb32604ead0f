"""Who measures what: replicas, their leases of monitors, and the fence that every write of a cycle passes."""
