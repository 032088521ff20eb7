"""The AWS emulator as a process of ours: SQS and SNS, in memory only, run by an interpreter of its own."""
