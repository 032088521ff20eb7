"""A stand-in for CloudFront on one machine: it checks signed URLs, reads from S3 and responds like CloudFront,
without a cache.
"""
