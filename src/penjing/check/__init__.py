"""What is wrong with a task's data, found before anything is trained on it."""
