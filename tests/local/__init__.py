"""The stand-ins for AWS on one machine, and what starts them."""
