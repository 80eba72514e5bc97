"""Events x rules -> alerts. Pure and streaming; replay and watch are the same code path."""
