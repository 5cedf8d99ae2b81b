"""Predicted against measured: the memory and the seconds of training, of answering and of writing."""
