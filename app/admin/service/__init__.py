"""What the overview, the verification and the rotation of keys compute."""
