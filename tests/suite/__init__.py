"""The test run itself: tiers, leaks, budgets."""
