"""Share links: who gets in, what they see, and when it ends."""
