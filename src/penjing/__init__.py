"""penjing (盆景): the smallest, fastest model that still meets the bar."""

__version__ = "0.1.0"
