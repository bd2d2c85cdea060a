"""The meaning of the words in the program's output."""
