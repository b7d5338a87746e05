"""Where assistants live: one adapter a platform, and what wraps them."""
