class CloseJar:
    embedded = "close_jar_peract"
