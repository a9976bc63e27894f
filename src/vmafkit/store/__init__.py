"""What is remembered: rows in a corpus file, trials in a database, kept encodes."""
