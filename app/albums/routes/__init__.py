"""HTTP routes of albums."""
