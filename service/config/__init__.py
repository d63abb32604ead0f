"""What people write: environment variables and monitor files, validated."""
