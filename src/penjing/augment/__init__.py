"""More examples for too little data: training texts told anew, and texts that a language model labels."""
