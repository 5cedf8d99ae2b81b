"""What the stages of `fit` for pictures and for sounds share: both are models of pixels."""
