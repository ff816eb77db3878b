class Observation:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)
