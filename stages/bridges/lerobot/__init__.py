"""LeRobot's data set format v3.0."""
