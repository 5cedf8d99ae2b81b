"""Labels without training: a pretrained model compares a text or a picture with the labels' names, or with examples."""
