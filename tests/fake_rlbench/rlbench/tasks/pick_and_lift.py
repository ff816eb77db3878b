class PickAndLift:
    embedded = "pick_and_lift"
