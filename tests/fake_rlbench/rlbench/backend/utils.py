from importlib import import_module


def task_file_to_task_class(task_file: str) -> type:
    name = task_file.replace(".py", "")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    return getattr(import_module(f"rlbench.tasks.{name}"), class_name)
