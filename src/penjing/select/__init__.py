"""Chooses before anything is trained: which model, in which way, on which machine, at what cost."""
