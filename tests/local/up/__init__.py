"""The supervisor and `darkroom up`: real processes, killed and watched."""
