"""The local stand-ins for AWS and the supervisor that starts them."""
