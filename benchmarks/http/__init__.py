"""Servers of one classifier side by side, asked over HTTP by a compiled load generator."""
