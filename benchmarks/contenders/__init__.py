"""What the benchmarks compare: divebell, the tools people use instead, and the floor below them all."""
