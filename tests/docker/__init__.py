"""The image and the compose file, built and run by a Docker engine of the tests' own."""
