"""The worker's parts in this process, on real stores, real decoders and a clock that is moved."""
