"""Tables and values of invitations and transfer offers."""
