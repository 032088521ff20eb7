"""The HTTP layer below all capabilities: middleware, problems, idempotency, dependencies."""
