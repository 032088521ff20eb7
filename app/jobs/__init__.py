"""What all jobs and loops share: claims, leases, attempts, periodic loops. Knows no store and no kind of job."""
