"""Data in, strings out. Nothing here prints, reads or decides."""
