"""Media on real files; those in `files/` were made with tools that are not ours, by `files/make.sh`."""
