from dataclasses import dataclass


@dataclass
class Discrete:
    attach_grasped_objects: bool = True
    detach_before_open: bool = True
