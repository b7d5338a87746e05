"""The library: imported Architect documents with versions and approval, in a database."""
