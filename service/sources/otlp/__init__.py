"""Log records of OpenTelemetry as rows."""
