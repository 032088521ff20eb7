"""Albums: their items and order, members, invitations and transfers."""
