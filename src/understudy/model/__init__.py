"""What an assistant is. Pure: imports nothing of ours, does no I/O."""
