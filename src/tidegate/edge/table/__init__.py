"""The route table: a file for each part of it, a row for each method of a path."""
