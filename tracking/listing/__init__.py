"""Long lists in pages: a million entries are read, filtered and counted as quickly as ten."""
