"""What other apps may want to know of accounts, without accounts knowing of them."""

from django.dispatch import Signal

# Sent before an account is removed, with ``user_id``. A receiver that raises stops the removal, so that nothing
# that belongs to the account is left behind without an owner; the removal can be tried again.
account_closing = Signal()
