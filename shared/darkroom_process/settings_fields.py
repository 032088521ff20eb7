"""The settings that several servers have: where they listen, which hosts they serve, and their certificate."""

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath, SecretStr

from darkroom_process.hosts import checked_hosts
from darkroom_process.secret_file import SECRET_CHARACTERS, checked_secret_file

ListenHost = Annotated[str, Field(description="the address to listen on", examples=["127.0.0.1"])]
ListenPort = Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535", examples=["8080"])]
OperatorHost = Annotated[str, Field(description="the address to serve metrics on", examples=["10.0.1.7"])]
OperatorPort = Annotated[
    int, Field(ge=0, le=65_535, description="a port to serve metrics on, or 0 for none", examples=["9100"])
]
HostList = Annotated[
    str,
    AfterValidator(checked_hosts),
    Field(
        description="the hosts that requests may name, separated by commas, or *", examples=["photos.example.com:8080"]
    ),
]
BucketName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
        description="the name of the bucket, 3 to 63 of a-z, 0-9 and -",
        examples=["darkroom-photos"],
    ),
]
"""Without dots: no certificate of AWS is valid for `a.b.s3.eu-central-1.amazonaws.com`."""
AwsRegion = Annotated[
    str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="an AWS region", examples=["eu-central-1"])
]
S3PublicEndpoint = Annotated[
    str | None,
    Field(
        pattern=r"^https?://[^/\s]+/?$",
        description="the URL by which browsers reach S3, absent for AWS itself",
        examples=["http://127.0.0.1:8081"],
    ),
]
TierSecret = Annotated[
    SecretStr | None,
    Field(
        min_length=SECRET_CHARACTERS,
        description=f"at least {SECRET_CHARACTERS} random characters, equal in web tier and app",
        examples=["the output of `openssl rand -hex 32`"],
    ),
]
CheckedSecretFile = Annotated[FilePath, AfterValidator(checked_secret_file)]
SecretFilePath = Annotated[
    CheckedSecretFile | None,
    Field(
        description=f"a file with one secret a line, each of at least {SECRET_CHARACTERS} random characters",
        examples=["/run/darkroom/secret"],
    ),
]
TlsCertificate = Annotated[FilePath | None, Field(description="a PEM file", examples=["/srv/darkroom/certificate.pem"])]
TlsKey = Annotated[FilePath | None, Field(description="a PEM file", examples=["/srv/darkroom/certificate-key.pem"])]
