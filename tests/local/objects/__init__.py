"""Tests of the object store, most of them held against the emulator's S3 as well."""
