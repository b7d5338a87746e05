"""The command line: parse, one call into ops, render."""
