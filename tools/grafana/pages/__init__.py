"""The pages: one module builds one dashboard."""
