"""A whole import in one process on simulated time, driven by one seed (docs/simulation.md).

scenario ─► account ─► google ──┐
         └► personalities ─► server ──┼─► run (the product's own worker and slices) ─► invariants
         └► fate: kills, cuts, outages ┘
"""
