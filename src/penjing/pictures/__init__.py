"""Pictures: read safely, framed as a model takes them. Needs the `pictures` extra (Pillow), never torch."""
