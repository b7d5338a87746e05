"""One script for each form of the tables; forward only."""
