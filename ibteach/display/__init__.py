"""What people see: figures of a discrete state, explorers with sliders, exercises that check themselves."""
