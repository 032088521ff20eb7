"""The cache's protocol, rule by rule, and its outages, on the embedded Valkey and on Debian's Redis 7."""
