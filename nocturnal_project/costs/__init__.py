"""What running Nocturnal costs a month: by line, by a schedule of pods, and against a fixed number of them."""
