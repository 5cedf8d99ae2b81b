"""The stages of `fit` for sounds."""
