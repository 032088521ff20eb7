"""The AWS emulator as a process of ours: SQS and SNS, unsaved, run by an interpreter of its own."""
