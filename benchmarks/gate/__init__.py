"""How often the gate errs, in simulation and on data where people labelled everything."""
