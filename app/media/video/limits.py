"""Resource limits of the children that work on a video."""

from app.media.sandbox.confinement import ENCODER_LIMITS, GIB, MIB, Limits

PROBE_LIMITS = Limits(address_space_bytes=3 * GIB, cpu_seconds=60, file_bytes=MIB)
POSTER_LIMITS = Limits(address_space_bytes=6 * GIB, cpu_seconds=120, file_bytes=64 * MIB, open_files=256)
LADDER_LIMITS = JOIN_LIMITS = ENCODER_LIMITS
