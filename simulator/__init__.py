"""The demo's data and model, and scenarios that change data: drift, defects, delays."""
