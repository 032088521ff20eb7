"""An item's life: uploads, states, delivery, receipts."""
