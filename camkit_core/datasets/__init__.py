"""Maps of whole data sets: explained batch by batch, written as Parquet, resumed, opened again."""
