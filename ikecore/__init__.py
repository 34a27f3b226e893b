"""What both IKE versions share: reader, events, actions, proposals, identities, diagnosis."""
