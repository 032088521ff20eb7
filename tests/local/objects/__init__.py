"""Tests of the object store; most of them also run against the emulator's S3."""
