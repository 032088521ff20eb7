"""One file per external system; knows no capability."""
