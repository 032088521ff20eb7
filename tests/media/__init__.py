"""Media on real files. `files/make.sh` made those in `files/` with other tools than ours."""
