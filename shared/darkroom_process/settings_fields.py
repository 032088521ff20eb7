"""The settings that several servers have: where they listen, which hosts they serve, and their certificate."""

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath

from darkroom_process.hosts import checked_hosts

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
TlsCertificate = Annotated[FilePath | None, Field(description="a PEM file", examples=["/srv/darkroom/certificate.pem"])]
TlsKey = Annotated[FilePath | None, Field(description="a PEM file", examples=["/srv/darkroom/certificate-key.pem"])]
