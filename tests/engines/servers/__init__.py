"""One file for each family of servers."""
