"""FastAPI dependencies of the album routes."""

from typing import Annotated

from fastapi import Depends, Query, Request

from app.albums.service.albums import AlbumService
from app.albums.service.invitations import InvitationService
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.pages import AlbumPages
from app.albums.service.placements import PlacementService
from app.albums.service.transfers import TransferService


def _albums(request: Request) -> AlbumService:
    service: AlbumService = request.state.albums
    return service


def _album_pages(request: Request) -> AlbumPages:
    pages: AlbumPages = request.state.album_pages
    return pages


def _placements(request: Request) -> PlacementService:
    service: PlacementService = request.state.placements
    return service


def _moves(request: Request) -> MoveService:
    service: MoveService = request.state.moves
    return service


def _members(request: Request) -> MemberService:
    service: MemberService = request.state.members
    return service


def _invitations(request: Request) -> InvitationService:
    service: InvitationService = request.state.invitations
    return service


def _transfers(request: Request) -> TransferService:
    service: TransferService = request.state.transfers
    return service


Albums = Annotated[AlbumService, Depends(_albums)]
Pages = Annotated[AlbumPages, Depends(_album_pages)]
Placements = Annotated[PlacementService, Depends(_placements)]
Moves = Annotated[MoveService, Depends(_moves)]
Members = Annotated[MemberService, Depends(_members)]
Invitations = Annotated[InvitationService, Depends(_invitations)]
Transfers = Annotated[TransferService, Depends(_transfers)]
Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]
