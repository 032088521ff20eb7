"""Files that mean harm, each made here by hand; `corpus.py` has them all."""
