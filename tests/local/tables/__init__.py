"""DynamoDB's behaviour, tested on `local/tables` and on the emulator, and the guarantees of `local/tables` only."""
