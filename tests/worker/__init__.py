"""The worker's parts in this process, on real stores and decoders, with a clock that tests advance."""
