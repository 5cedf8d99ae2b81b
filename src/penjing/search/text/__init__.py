"""`fit` for models that write text: fine-tuned, with fewer pieces, and in as few bits as the bar allows."""
