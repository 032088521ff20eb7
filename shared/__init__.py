"""What both tiers and the client agree on: wire models, events, problem types, ids."""
