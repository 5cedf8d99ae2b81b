"""What a model needs, from its config.json alone: parameters, work, memory, time, energy, money. Pure, no torch."""
