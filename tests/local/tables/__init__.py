"""DynamoDB's behaviour, asked of `local/tables` and of the emulator alike, and what only ours promises."""
