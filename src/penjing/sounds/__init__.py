"""Sounds: reading them, and the spectrograms that models read. Never imports torch."""
