class PushButton:
    embedded = "push_button"
