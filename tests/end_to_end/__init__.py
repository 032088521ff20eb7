"""Complete user stories through all processes."""
