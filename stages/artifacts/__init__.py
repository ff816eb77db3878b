"""The files that stages exchange: schemas, writing, reading, lineage. Knows no stage, simulator or model."""
