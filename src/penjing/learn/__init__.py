"""Questions and exercises on models and their use: asked in the terminal, graded here, remembered for another day."""
