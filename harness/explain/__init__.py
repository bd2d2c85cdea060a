"""What the words in the program's output mean."""
