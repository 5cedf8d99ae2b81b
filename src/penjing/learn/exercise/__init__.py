"""Stubs that learners fill in, and the checks of what they write."""
