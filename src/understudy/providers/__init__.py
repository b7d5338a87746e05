"""Model providers: who answers a prompt."""
