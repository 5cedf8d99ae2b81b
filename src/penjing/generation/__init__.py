"""Text from a prompt: `generate_text`, `stream_text`, and `open_text_model` for many calls."""
