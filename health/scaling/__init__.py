"""Proof, from outside, that instances behind one address are one: for verify_scaling."""
