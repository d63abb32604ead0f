"""Requests and responses of a model that KServe serves, as its logger sends them, paired to rows."""
