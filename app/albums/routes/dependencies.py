"""The services of albums, as dependencies of routes."""

from typing import Annotated

from app.albums.service.albums import AlbumService
from app.albums.service.creation import AlbumCreation
from app.albums.service.invitation_lists import InvitationLists
from app.albums.service.invitations import InvitationService
from app.albums.service.joining import JoinService
from app.albums.service.lists import AlbumLists
from app.albums.service.member_lists import MemberLists
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.pages import AlbumPages
from app.albums.service.placements import PlacementService
from app.albums.service.transfer_acceptance import TransferAcceptance
from app.albums.service.transfers import TransferService
from app.http.dependencies import from_state

Albums = Annotated[AlbumService, from_state("albums", AlbumService)]
Creation = Annotated[AlbumCreation, from_state("album_creation", AlbumCreation)]
Lists = Annotated[AlbumLists, from_state("album_lists", AlbumLists)]
Pages = Annotated[AlbumPages, from_state("album_pages", AlbumPages)]
Placements = Annotated[PlacementService, from_state("placements", PlacementService)]
Moves = Annotated[MoveService, from_state("moves", MoveService)]
Members = Annotated[MemberService, from_state("members", MemberService)]
ListsOfMembers = Annotated[MemberLists, from_state("member_lists", MemberLists)]
Invitations = Annotated[InvitationService, from_state("invitations", InvitationService)]
ListsOfInvitations = Annotated[InvitationLists, from_state("invitation_lists", InvitationLists)]
Joining = Annotated[JoinService, from_state("joining", JoinService)]
Transfers = Annotated[TransferService, from_state("transfers", TransferService)]
Acceptance = Annotated[TransferAcceptance, from_state("transfer_acceptance", TransferAcceptance)]
