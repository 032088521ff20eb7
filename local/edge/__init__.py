"""CloudFront on one machine: checks signed URLs, reads from S3, answers as CloudFront does. It keeps no cache."""
