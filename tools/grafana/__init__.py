"""The dashboards as code: `python -m tools.grafana` writes `config/grafana/dashboards`."""
