"""The stages of `fit` for pictures."""
