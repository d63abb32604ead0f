"""Take in rows at a start during which the database is away."""
