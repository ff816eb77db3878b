"""Fine-grained action predictor: from a cloud, a keypoint and a step to the next gripper pose."""
