"""What ``verify_rollout`` does: POSTs at a steady rate while a deployment is rolled, and what became of each.

Only POSTs, because nothing between client and instance may repeat one that was sent: what a roll loses or doubles
shows here, where a GET would be tried again in silence.
"""
