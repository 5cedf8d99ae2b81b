"""What each kind of task takes in and gives out."""
