"""`fit` for a model that translates."""
