"""Stand-ins for AWS and the supervisor that runs Darkroom on one machine."""
